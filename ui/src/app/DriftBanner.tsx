// Says on every page that Qwen sends something that luna did not know, until somebody has taken note of it.
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { useDrift } from "../pages/drift/drift";
import "./banner.css";

export function DriftBanner() {
  const { t } = useTranslation();
  const drift = useDrift();
  const open = drift.data?.open ?? 0;
  const latest = drift.data?.findings.find((one) => !one.known);
  return (
    <div role="status">
      {open > 0 ? (
        <p className="banner" data-tone="warn">
          {t("drift.banner", { count: open })}{" "}
          {latest?.flow ? (
            <>
              <Link to={`/flows/${latest.flow}`}>{t("drift.bannerFlow")}</Link>
              {" · "}
            </>
          ) : null}
          <Link to="/drift">{t("drift.bannerLook")}</Link>
        </p>
      ) : null}
    </div>
  );
}
