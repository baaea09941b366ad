// What is counted by name: errors by kind, models, accounts with their state; and the runs that go on.
import { useMemo, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { Badge } from "../../parts/Badge";
import { clock } from "../../parts/clock";
import { Failed } from "../../parts/Empty";
import { Time } from "../../parts/Time";
import { stateOf, toneOf, useAccounts, useFreshAccounts } from "../accounts/accounts";
import { Elapsed, StatusBadge } from "../flows/cells";
import { flowsPath, term } from "../flows/filter";
import { rowOf } from "../flows/rows";
import { AccountChart } from "./Charts";
import { lately, ofKind, percent, short, type Overview } from "./figures";

interface Props {
  overview: Overview;
  minutes: number;
}

function Card({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="card" aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

export function Errors({ overview, minutes }: Props) {
  const { t } = useTranslation();
  return (
    <Card title={t("overview.errorKinds")}>
      {overview.errors.length === 0 ? (
        <p className="soft">{t("overview.noErrors")}</p>
      ) : (
        <table className="plain-table">
          <thead>
            <tr>
              <th scope="col">{t("overview.kind")}</th>
              <th scope="col" data-right>
                {t("overview.count")}
              </th>
            </tr>
          </thead>
          <tbody>
            {overview.errors.map(({ kind, count }) => (
              <tr key={kind}>
                <th scope="row">
                  <Link to={flowsPath(lately(minutes, ofKind(kind)))}>{kind}</Link>
                </th>
                <td data-right>{count}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}

export function Models({ overview, minutes }: Props) {
  const { t, i18n } = useTranslation();
  return (
    <Card title={t("overview.models")}>
      {overview.models.length === 0 ? (
        <p className="soft">{t("overview.noModels")}</p>
      ) : (
        <div className="scroll-x">
          <table className="plain-table">
            <thead>
              <tr>
                <th scope="col">{t("overview.model")}</th>
                <th scope="col" data-right>
                  {t("overview.requests")}
                </th>
                <th scope="col" data-right>
                  {t("overview.share")}
                </th>
                <th scope="col" data-right>
                  {t("overview.tokens")}
                </th>
              </tr>
            </thead>
            <tbody>
              {overview.models.map(({ name, sum }) => (
                <tr key={name}>
                  <th scope="row">
                    <Link to={flowsPath(lately(minutes, term("m", name)))}>{name}</Link>
                  </th>
                  <td data-right>{sum.requests}</td>
                  <td data-right>{percent(sum.success, i18n.language)}</td>
                  <td data-right>{short(sum.inputTokens + sum.outputTokens, i18n.language)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

export function Accounts({ overview, minutes }: Props) {
  const { t, i18n } = useTranslation();
  const accounts = useAccounts();
  useFreshAccounts();
  const sums = new Map(overview.accounts.map(({ name, sum }) => [name, sum]));
  const names = useMemo(
    () => new Map((accounts.data ?? []).map(({ id, label }) => [id, label || id])),
    [accounts.data],
  );
  if (accounts.error && !accounts.data) {
    return (
      <Card title={t("overview.accounts")}>
        <Failed error={accounts.error} onRetry={() => void accounts.refetch()} />
      </Card>
    );
  }
  if (accounts.data?.length === 0) {
    return (
      <Card title={t("overview.accounts")}>
        <p>{t("overview.noAccounts")}</p>
        <p className="soft">{t("overview.addAccount")}</p>
        <Link to="/accounts">{t("overview.toAccounts")}</Link>
      </Card>
    );
  }
  return (
    <Card title={t("overview.accounts")}>
      <AccountChart overview={overview} names={names} />
      <div className="scroll-x">
        <table className="plain-table">
          <thead>
            <tr>
              <th scope="col">{t("overview.account")}</th>
              <th scope="col">{t("overview.state")}</th>
              <th scope="col" data-right>
                {t("overview.running")}
              </th>
              <th scope="col" data-right>
                {t("overview.requests")}
              </th>
              <th scope="col" data-right>
                {t("overview.share")}
              </th>
            </tr>
          </thead>
          <tbody>
            {(accounts.data ?? []).map((account) => {
              const sum = sums.get(account.id);
              return (
                <tr key={account.id}>
                  <th scope="row">
                    <Link to={`/accounts?account=${encodeURIComponent(account.id)}`}>
                      {account.label || account.id}
                    </Link>
                  </th>
                  <td>
                    <Badge tone={toneOf(account)}>{t(`accounts.states.${stateOf(account)}`)}</Badge>{" "}
                    {account.until === null ? null : (
                      <span className="soft">{t("overview.until", { time: clock(account.until, i18n.language) })}</span>
                    )}
                    {account.reason ? <p className="soft">{account.reason}</p> : null}
                  </td>
                  <td data-right>
                    {account.limit > 0
                      ? t("overview.runningOf", { running: account.running, limit: account.limit })
                      : account.running}
                  </td>
                  <td data-right>
                    <Link to={flowsPath(lately(minutes, term("a", account.id)))}>{sum?.requests ?? 0}</Link>
                  </td>
                  <td data-right>{percent(sum?.success ?? null, i18n.language)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

export function ActiveRuns({ overview }: { overview: Overview }) {
  const { t } = useTranslation();
  const runs = overview.now.runs.map(rowOf);
  return (
    <Card title={t("overview.runs")}>
      {runs.length === 0 ? (
        <p className="soft">{t("overview.noRuns")}</p>
      ) : (
        <div className="scroll-x">
          <table className="plain-table">
            <thead>
              <tr>
                <th scope="col">{t("overview.since")}</th>
                <th scope="col">{t("overview.state")}</th>
                <th scope="col">{t("overview.model")}</th>
                <th scope="col">{t("overview.account")}</th>
                <th scope="col">{t("overview.asked")}</th>
              </tr>
            </thead>
            <tbody>
              {runs.map((run) => (
                <tr key={run.id}>
                  <th scope="row">
                    <Link to={flowsPath("", run.id)}>
                      <Time at={run.createdAt} />
                    </Link>{" "}
                    <Elapsed since={run.createdAt} />
                  </th>
                  <td>
                    <StatusBadge row={run} />
                    {run.queueReason ? (
                      <p className="soft">{t("overview.queued", { reason: run.queueReason })}</p>
                    ) : null}
                  </td>
                  <td>{run.model}</td>
                  <td>{run.accountId}</td>
                  <td>{run.preview}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}
