import { useTranslation } from "react-i18next";

import { Page } from "../../parts/Page";

export default function Logs() {
  const { t } = useTranslation();
  return <Page title={t("shell.pages.logs")}>{null}</Page>;
}
