// In the place of the charts while there is nothing to draw: what to do, so that there is.
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { Block } from "../../parts/Copy";
import { Empty } from "../../parts/Empty";
import { useAccounts } from "../accounts/accounts";
import { requestCommand } from "../flows/Nothing";

export function Start() {
  const { t } = useTranslation();
  const accounts = useAccounts();
  const address = `${location.origin}/v1`;
  if (accounts.data?.length === 0) {
    return (
      <Empty title={t("overview.emptyNoAccount")}>
        <p>{t("overview.emptyNoAccountAbout", { address })}</p>
        <Link to="/accounts">{t("overview.toAccounts")}</Link>
      </Empty>
    );
  }
  return (
    <Empty title={t("overview.empty")}>
      <p>{t("overview.emptyAbout", { address })}</p>
      <div className="overview-command">
        <Block label={t("overview.command")} text={requestCommand(t("flows.empty.prompt"))} />
      </div>
      <p className="overview-ways">
        <Link to="/playground">{t("overview.toPlayground")}</Link>
        <Link to="/settings?tab=access">{t("overview.toClients")}</Link>
      </p>
    </Empty>
  );
}
