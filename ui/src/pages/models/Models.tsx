import { useTranslation } from "react-i18next";

import { Page } from "../../parts/Page";

export default function Models() {
  const { t } = useTranslation();
  return <Page title={t("shell.pages.models")}>{null}</Page>;
}
