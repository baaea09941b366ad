// What Qwen says of a login, in a line.
import { useTranslation } from "react-i18next";

import { Badge } from "../../parts/Badge";
import type { Checked } from "./accounts";

export interface Verdict {
  status: "busy" | "alive" | "dead" | "warn";
  /** Whose login it is. */
  who?: string;
  error?: string;
}

export function verdictOf(checked: Checked): Verdict {
  const info: Record<string, unknown> = checked.accountInfo ?? {};
  const who = [info["name"], info["email"]].filter((one): one is string => typeof one === "string" && one !== "");
  const status = checked.status === "alive" || checked.status === "dead" ? checked.status : "warn";
  return { status, who: who.join(", "), error: checked.error ?? "" };
}

export function VerdictLine({ verdict }: { verdict: Verdict | undefined }) {
  return (
    <div role="status" className="account-verdict">
      {verdict ? <Said verdict={verdict} /> : null}
    </div>
  );
}

function Said({ verdict }: { verdict: Verdict }) {
  const { t } = useTranslation();
  const { who = "", error = "" } = verdict;
  switch (verdict.status) {
    case "busy":
      return <Badge tone="info">{t("accounts.checked.busy")}</Badge>;
    case "alive":
      return (
        <span className="account-said" data-tone="good">
          {who ? t("accounts.checked.alive", { who }) : t("accounts.checked.aliveNobody")}
        </span>
      );
    case "dead":
      return (
        <span className="account-said" data-tone="bad">
          {t("accounts.checked.bad", { error })}
        </span>
      );
    case "warn":
      return (
        <span className="account-said" data-tone="warn">
          {t("accounts.checked.unclear", { error })}
        </span>
      );
  }
}
