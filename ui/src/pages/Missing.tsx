// An address that leads nowhere.
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { Page } from "../parts/Page";

export default function Missing() {
  const { t } = useTranslation();
  return (
    <Page title={t("shell.missing")}>
      <p>
        <Link to="/">{t("shell.pages.overview")}</Link>
      </p>
    </Page>
  );
}
