import { useTranslation } from "react-i18next";

import { Page } from "../../parts/Page";

export default function Network() {
  const { t } = useTranslation();
  return <Page title={t("shell.pages.network")}>{null}</Page>;
}
