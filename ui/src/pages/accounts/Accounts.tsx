import { useTranslation } from "react-i18next";

import { Page } from "../../parts/Page";

export default function Accounts() {
  const { t } = useTranslation();
  return <Page title={t("shell.pages.accounts")}>{null}</Page>;
}
