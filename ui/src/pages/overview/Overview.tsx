import { useTranslation } from "react-i18next";

import { Page } from "../../parts/Page";

export default function Overview() {
  const { t } = useTranslation();
  return <Page title={t("shell.pages.overview")}>{null}</Page>;
}
