import { useTranslation } from "react-i18next";

import { Page } from "../../parts/Page";

export default function Pipelines() {
  const { t } = useTranslation();
  return <Page title={t("shell.pages.pipelines")}>{null}</Page>;
}
