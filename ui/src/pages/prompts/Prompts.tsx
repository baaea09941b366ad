import { useTranslation } from "react-i18next";

import { Page } from "../../parts/Page";

export default function Prompts() {
  const { t } = useTranslation();
  return <Page title={t("shell.pages.prompts")}>{null}</Page>;
}
