import { useTranslation } from "react-i18next";

import { Page } from "../../parts/Page";

export default function Playground() {
  const { t } = useTranslation();
  return <Page title={t("shell.pages.playground")}>{null}</Page>;
}
