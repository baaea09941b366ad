// The page of accounts: all of them, as they are now, and the ways to have another. Which dialog is open and which
// states are shown stands in the URL.
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useAddress } from "../../parts/address";
import { Button } from "../../parts/Button";
import { Empty, Failed, Loading } from "../../parts/Empty";
import { Page } from "../../parts/Page";
import { AccountCard } from "./AccountCard";
import {
  acts,
  isHeld,
  STATES,
  useAccounts,
  useAct,
  useFreshAccounts,
  useUsage,
  useWays,
  type Account,
} from "./accounts";
import { AddAccount, ADDING, type Adding } from "./AddAccount";
import { EditAccount } from "./EditAccount";
import { verdictOf, type Verdict } from "./Verdict";
import "./accounts.css";

export default function Accounts() {
  const { t } = useTranslation();
  const [search, set] = useAddress();
  const accounts = useAccounts();
  const usage = useUsage();
  const ways = useWays();
  const look = useFreshAccounts();
  const checks = useChecks();

  const all = accounts.data ?? [];
  const state = search.get("state") ?? "";
  const shown = state ? all.filter((account) => account.state === state) : all;
  const adding = ADDING.find((way) => way === search.get("add"));
  const account = all.find((one) => one.id === search.get("account"));
  const edited = all.find((one) => one.id === search.get("edit"));

  return (
    <Page
      title={t("shell.pages.accounts")}
      actions={
        <>
          {all.length > 0 ? (
            <Button disabled={checks.busy} onClick={() => checks.run(all.map(({ id }) => id))}>
              {checks.busy ? t("accounts.validating") : t("accounts.validateAll")}
            </Button>
          ) : null}
          <Button primary onClick={() => set({ add: "browser", account: "" })}>
            {t("accounts.add")}
          </Button>
        </>
      }
    >
      {accounts.isPending ? <Loading /> : null}
      {accounts.error ? <Failed error={accounts.error} onRetry={() => void accounts.refetch()} /> : null}
      {accounts.data && all.length === 0 ? (
        <Empty title={t("accounts.emptyTitle")}>
          <p>{t("accounts.emptyAbout")}</p>
          <Button primary onClick={() => set({ add: "browser" })}>
            {t("accounts.add")}
          </Button>
        </Empty>
      ) : null}
      {all.length > 0 ? <Summary all={all} state={state} onState={(chosen) => set({ state: chosen })} /> : null}
      {all.length > 0 && shown.length === 0 ? (
        <Empty title={t("accounts.noneInState")}>
          <Button onClick={() => set({ state: "" })}>{t("common.clearFilter")}</Button>
        </Empty>
      ) : null}
      <ul className="accounts" aria-label={t("accounts.list")}>
        {shown.map((one) => (
          <li key={one.id}>
            <AccountCard
              account={one}
              usage={usage.data?.get(one.id)}
              way={ways.data?.get(one.id)}
              verdict={checks.verdicts[one.id]}
              onValidate={() => checks.run([one.id])}
              onEdit={() => set({ edit: one.id })}
              onLogin={(way) => set({ add: way, account: one.id })}
              onEnd={look}
            />
          </li>
        ))}
      </ul>
      {adding ? (
        <AddAccount
          way={adding}
          account={account}
          environment={all.find((one) => one.source === "env")}
          onWay={(way: Adding) => set({ add: way })}
          onClose={() => set({ add: "", account: "" })}
        />
      ) : null}
      {edited ? <EditAccount key={edited.id} account={edited} onClose={() => set({ edit: "" })} /> : null}
    </Page>
  );
}

function Summary({
  all,
  state,
  onState,
}: {
  all: readonly Account[];
  state: string;
  onState: (state: string) => void;
}) {
  const { t } = useTranslation();
  const ready = all.filter((account) => account.state === "ready" && !isHeld(account)).length;
  return (
    <div className="row accounts-summary">
      <p role="status">
        {t("accounts.count", { count: all.length })}, {t("accounts.readyCount", { count: ready })}
      </p>
      <label className="row">
        <span>{t("accounts.show")}</span>
        <select className="input accounts-filter" value={state} onChange={(event) => onState(event.target.value)}>
          <option value="">{t("accounts.everyState")}</option>
          {STATES.map((one) => (
            <option key={one} value={one}>
              {t(`accounts.states.${one}`)} ({all.filter((account) => account.state === one).length})
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

/** What Qwen said of accounts since the page was opened. */
function useChecks() {
  const [verdicts, setVerdicts] = useState<Record<string, Verdict>>({});
  const check = useAct(acts.validate);
  const [busy, setBusy] = useState(false);

  async function one(id: string): Promise<void> {
    setVerdicts((all) => ({ ...all, [id]: { status: "busy" } }));
    try {
      const checked = await check.mutateAsync(id);
      setVerdicts((all) => ({ ...all, [id]: verdictOf(checked) }));
    } catch (error) {
      setVerdicts((all) => ({ ...all, [id]: { status: "warn", error: error instanceof Error ? error.message : "" } }));
    }
  }

  async function several(ids: readonly string[]): Promise<void> {
    setBusy(true);
    for (const id of ids) await one(id);
    setBusy(false);
  }

  return { verdicts, busy, run: (ids: readonly string[]) => void several(ids) };
}
