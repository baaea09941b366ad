// Says on every page what a person must not overlook: that flows wait for somebody, or that the next one may.
import { useTranslation } from "react-i18next";
import { Link, useLocation } from "react-router";

import { useBreakpoints, useFreshBreakpoints } from "../pages/breakpoints/breakpoints";
import "./banner.css";

export function BreakpointBanner() {
  const { t } = useTranslation();
  const all = useBreakpoints().data;
  useFreshBreakpoints();
  const here = useLocation().pathname === "/breakpoints";
  const armed = all?.armed.length ?? 0;
  const halted = all?.halted.length ?? 0;
  return (
    <div role="status">
      {armed + halted > 0 ? (
        <p className="banner" data-tone={halted > 0 ? "warn" : "info"}>
          {halted > 0 ? `${t("breakpoints.banner.halted", { count: halted })} ` : null}
          {armed > 0 ? `${t("breakpoints.banner.armed", { count: armed })} ` : null}
          {here ? null : <Link to="/breakpoints">{t("breakpoints.banner.look")}</Link>}
        </p>
      ) : null}
    </div>
  );
}
