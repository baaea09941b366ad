// Says on every page that this luna shows a bundle of another machine, and leads to its flow.
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { useOpened } from "./opened";
import "./banner.css";

export function OpenedBanner() {
  const { t } = useTranslation();
  const opened = useOpened();
  if (!opened) return null;
  const known = (["same", "later", "none"] as const).find((word) => word === opened.configuration) ?? "none";
  return (
    <p className="banner" data-tone="info">
      {t("keep.opened.about", { luna: opened.recordedBy, system: opened.system, python: opened.python })}{" "}
      {t(`keep.opened.configuration.${known}`)} <Link to={`/flows/${opened.flow}`}>{t("keep.opened.look")}</Link>
    </p>
  );
}
