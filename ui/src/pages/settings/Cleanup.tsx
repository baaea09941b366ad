// The deletion of luna's chats at Qwen: how it stands, what it would delete, and doing it.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { api, ApiError, body } from "../../api/client";
import type { components } from "../../api/schema";
import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Confirm } from "../../parts/Dialog";
import { Failed, Loading } from "../../parts/Empty";
import { Field } from "../../parts/Field";
import { Figure } from "../../parts/Figure";
import { Time } from "../../parts/Time";
import { useToast } from "../../parts/Toast";

type Status = components["schemas"]["CleanupStatus"];
type Result = components["schemas"]["SweepResult"];

export const CHATS = ["chats"] as const;

export function Cleanup() {
  const { t } = useTranslation();
  const status = useQuery({
    queryKey: [...CHATS, "status"],
    queryFn: () => body(api.GET("/api/chat-cleanup/status")),
  });
  return (
    <section className="card">
      <h2>{t("settings.cleanup.title")}</h2>
      <p className="soft">{t("settings.cleanup.about")}</p>
      {status.error ? <Failed error={status.error} onRetry={() => void status.refetch()} /> : null}
      {status.isPending ? <Loading /> : null}
      {status.data ? (
        <>
          <Standing status={status.data} />
          <Sweep ageHours={status.data.policy.scheduled.maxAgeHours} />
        </>
      ) : null}
    </section>
  );
}

function Standing({ status }: { status: Status }) {
  const { t } = useTranslation();
  const { counts, policy, lastResult: last } = status;
  const { intervalHours: hours, maxAgeHours: age } = policy.scheduled;
  return (
    <>
      <div className="figures">
        <Figure label={t("settings.cleanup.open")} value={counts.open} />
        <Figure label={t("settings.cleanup.deletedSoFar")} value={counts.deleted} />
        <Figure label={t("settings.cleanup.waiting")} value={counts.deleting} />
        <Figure label={t("settings.cleanup.failed")} value={counts.failed} />
      </div>
      <dl className="settings-facts">
        <dt>{t("settings.cleanup.schedule")}</dt>
        <dd>
          {status.running ? t("settings.cleanup.on", { hours, age }) : t("settings.cleanup.off")}{" "}
          <Link to="/settings?q=chatCleanup">{t("settings.cleanup.change")}</Link>
        </dd>
        <dt>{t("settings.cleanup.last")}</dt>
        <dd>
          {last ? (
            <>
              <Time at={last.ranAt} />:{" "}
              {t("settings.cleanup.lastResult", { deleted: last.deleted, failed: last.failed })}
            </>
          ) : (
            t("settings.cleanup.noRound")
          )}
        </dd>
      </dl>
      {status.sweeping ? <p role="status">{t("settings.cleanup.sweeping")}</p> : null}
      {status.waiting.length > 0 ? (
        <>
          <h3>{t("settings.cleanup.held")}</h3>
          <ul>
            {status.waiting.map((one) => (
              <li key={`${one.accountId} ${one.reason}`}>
                {t("settings.cleanup.heldAbout", { count: one.chats, account: one.accountId, reason: one.reason })}{" "}
                {one.nextTryAt === null ? null : <Time at={one.nextTryAt} />}
              </li>
            ))}
          </ul>
        </>
      ) : null}
    </>
  );
}

function Sweep({ ageHours }: { ageHours: number }) {
  const { t } = useTranslation();
  const say = useToast();
  const queries = useQueryClient();
  const [age, setAge] = useState(String(ageHours));
  const [limit, setLimit] = useState("50");
  const [account, setAccount] = useState("");
  const [planned, setPlanned] = useState(0);
  const [result, setResult] = useState<Result | null>(null);
  const accounts = useQuery({ queryKey: ["accounts"], queryFn: () => body(api.GET("/api/accounts")) });
  const sweep = useMutation({
    mutationFn: (dryRun: boolean) =>
      body(
        api.POST("/api/chat-cleanup/run", {
          body: { dryRun, maxAgeHours: Number(age), accountId: account, limit: Number(limit) },
        }),
      ),
    onSuccess: async (swept) => {
      setResult(swept);
      setPlanned(swept.dryRun ? swept.results.length : 0);
      if (!swept.dryRun) {
        say.done(t("settings.cleanup.ranResult", { deleted: swept.deleted, failed: swept.failed }));
        await queries.invalidateQueries({ queryKey: CHATS });
      }
    },
    onError: (error) => say.failed(error),
  });
  const problem = sweep.error instanceof ApiError ? sweep.error.message : "";

  function change(set: (value: string) => void): (event: { target: { value: string } }) => void {
    return (event) => {
      set(event.target.value);
      setPlanned(0);
      setResult(null);
    };
  }

  return (
    <>
      <div className="settings-sweep">
        <Field label={t("settings.cleanup.age")} about={t("settings.cleanup.ageAbout")} problem={problem}>
          {(field) => <input {...field} inputMode="decimal" value={age} onChange={change(setAge)} />}
        </Field>
        <Field label={t("settings.cleanup.limit")}>
          {(field) => <input {...field} inputMode="numeric" value={limit} onChange={change(setLimit)} />}
        </Field>
        <Field label={t("settings.cleanup.account")}>
          {(field) => (
            <select {...field} value={account} onChange={change(setAccount)}>
              <option value="">{t("settings.cleanup.anyAccount")}</option>
              {accounts.data?.accounts.map((one) => (
                <option key={one.id} value={one.id}>
                  {one.label || one.id}
                </option>
              ))}
            </select>
          )}
        </Field>
      </div>
      <div className="row">
        <Button disabled={sweep.isPending} onClick={() => sweep.mutate(true)}>
          {t("settings.cleanup.dry")}
        </Button>
        <Confirm
          label={t("settings.cleanup.run")}
          title={t("settings.cleanup.runTitle")}
          about={
            result?.more
              ? t("settings.cleanup.runAboutMore", { count: planned })
              : t("settings.cleanup.runAbout", { count: planned })
          }
          confirm={t("settings.cleanup.run")}
          disabled={planned === 0 || sweep.isPending}
          onConfirm={() => sweep.mutateAsync(false).catch(() => undefined)}
        />
      </div>
      <div role="status">{result ? <Swept result={result} /> : null}</div>
    </>
  );
}

function Swept({ result }: { result: Result }) {
  const { t } = useTranslation();
  return (
    <>
      <p>
        {result.dryRun
          ? t("settings.cleanup.dryResult", { count: result.results.length })
          : t("settings.cleanup.ranResult", { deleted: result.deleted, failed: result.failed })}{" "}
        {result.more ? t("settings.cleanup.more") : null}
      </p>
      {result.results.length > 0 ? (
        <div className="scroll-x settings-swept">
          <table className="plain-table">
            <thead>
              <tr>
                <th scope="col">{t("settings.cleanup.chat")}</th>
                <th scope="col">{t("settings.cleanup.account")}</th>
                <th scope="col">{t("settings.cleanup.reason")}</th>
                <th scope="col">{t("settings.cleanup.outcome")}</th>
              </tr>
            </thead>
            <tbody>
              {result.results.map((one) => (
                <tr key={one.id}>
                  <td>
                    <code>{one.id}</code>
                  </td>
                  <td>{one.account}</td>
                  <td>{one.reason}</td>
                  <td>
                    {one.ok ? (
                      <Badge tone={result.dryRun ? "info" : "good"}>
                        {result.dryRun ? t("settings.cleanup.would") : t("settings.cleanup.gone")}
                      </Badge>
                    ) : (
                      <Badge tone="bad">{one.error ?? one.outcome}</Badge>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </>
  );
}
