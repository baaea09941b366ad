import { useTranslation } from "react-i18next";

import { Page } from "../../parts/Page";

export default function Flows() {
  const { t } = useTranslation();
  return <Page title={t("shell.pages.flows")}>{null}</Page>;
}
