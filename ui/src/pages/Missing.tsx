import { useTranslation } from "react-i18next";

import { Empty } from "../parts/Empty";

export default function Missing() {
  const { t } = useTranslation();
  return <Empty title={t("shell.missing")} />;
}
