import { useTranslation } from "react-i18next";

import { Page } from "../../parts/Page";

export default function Sessions() {
  const { t } = useTranslation();
  return <Page title={t("shell.pages.sessions")}>{null}</Page>;
}
