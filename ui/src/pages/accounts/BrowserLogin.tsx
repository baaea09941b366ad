// A login by the user's own browser: begin it, watch it, give it up. The window itself is opened by luna, on the machine
// where luna runs.
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { ApiError } from "../../api/client";
import { Button } from "../../parts/Button";
import { Failed, Loading } from "../../parts/Empty";
import { Field } from "../../parts/Field";
import type { Account } from "./accounts";
import { isOver, STEPS, stepOf, useBegin, useCancel, useCaptures, type Job } from "./capture";
import { Countdown } from "./Countdown";

const MINUTES = [5, 10, 30] as const;

interface Props {
  /** The one that gets the login; none: the one that the login belongs to. */
  account: Account | undefined;
  onClose: () => void;
}

export function BrowserLogin(props: Props) {
  const { jobs } = useCaptures();
  if (jobs.isPending) return <Loading />;
  if (jobs.error) return <Failed error={jobs.error} onRetry={() => void jobs.refetch()} />;
  return <Login jobs={jobs.data} {...props} />;
}

function Login({ jobs, account, onClose }: Props & { jobs: readonly Job[] }) {
  const { t } = useTranslation();
  const begin = useBegin();
  const cancel = useCancel();
  const [minutes, setMinutes] = useState<number>(10);
  // What was over before is of no interest any more; what ends while somebody looks is.
  const [seen, setSeen] = useState(() => new Set(jobs.filter(isOver).map(({ id }) => id)));
  // One at a time: whoever began it, it is this one that there is to see.
  const job = jobs.find((one) => !isOver(one)) ?? jobs.find(({ id }) => !seen.has(id));

  function start(): void {
    begin.mutate({ accountId: account?.id ?? "", timeout: minutes * 60_000 });
  }

  if (job)
    return (
      <div className="dialog-form">
        <Progress job={job} />
        <div className="row-end">
          {isOver(job) ? (
            <>
              <Button onClick={() => setSeen(new Set([...seen, job.id]))}>
                {job.state === "done" ? t("accounts.login.another") : t("accounts.login.again")}
              </Button>
              <Button primary onClick={onClose}>
                {t("common.close")}
              </Button>
            </>
          ) : (
            <Button danger disabled={cancel.isPending} onClick={() => cancel.mutate(job.id)}>
              {t("accounts.login.cancel")}
            </Button>
          )}
        </div>
      </div>
    );

  return (
    <div className="dialog-form">
      <p>{t("accounts.login.about")}</p>
      <p className="soft">{t("accounts.login.aboutGoogle")}</p>
      <Field label={t("accounts.login.limit")}>
        {(field) => (
          <select {...field} value={minutes} onChange={(event) => setMinutes(Number(event.target.value))}>
            {MINUTES.map((count) => (
              <option key={count} value={count}>
                {t("accounts.login.minutes", { count })}
              </option>
            ))}
          </select>
        )}
      </Field>
      {begin.error ? <Refused error={begin.error} /> : null}
      <div className="row-end">
        <Button primary disabled={begin.isPending} onClick={start}>
          {t("accounts.login.begin")}
        </Button>
      </div>
    </div>
  );
}

function Refused({ error }: { error: Error }) {
  return (
    <div className="account-trouble" data-tone="bad" role="alert">
      <p>{error.message}</p>
      {error instanceof ApiError && error.hint ? <p className="soft">{error.hint}</p> : null}
    </div>
  );
}

function Progress({ job }: { job: Job }) {
  const { t } = useTranslation();
  const over = isOver(job);
  const at = STEPS.indexOf(stepOf(job));
  const good = job.state === "done";
  const who = [job.account?.name, job.account?.email].filter(Boolean).join(", ");
  return (
    <>
      {!over || good ? (
        <ol className="login-steps" aria-label={t("accounts.login.progress")}>
          {STEPS.map((step, index) => {
            const place = index < at || good ? "past" : index === at ? "now" : "next";
            return (
              <li key={step} data-place={place} aria-current={place === "now" ? "step" : undefined}>
                <span aria-hidden="true">{place === "past" ? "✓" : place === "now" ? "…" : "·"}</span>
                {t(`accounts.login.steps.${step}`)}
                {place === "next" ? null : <span className="visually-hidden"> ({t(`accounts.login.${place}`)})</span>}
              </li>
            );
          })}
        </ol>
      ) : null}
      {over ? null : (
        <p className="soft">
          {t("accounts.login.left")}: <Countdown until={job.endsAt} />
        </p>
      )}
      <div role="status">
        {over ? <Outcome job={job} who={who} /> : null}
        {!over && job.error ? (
          <div className="account-trouble" data-tone="warn">
            <p>{job.error}</p>
            <p className="soft">{job.hint}</p>
          </div>
        ) : null}
      </div>
    </>
  );
}

function Outcome({ job, who }: { job: Job; who: string }) {
  const { t } = useTranslation();
  switch (job.state) {
    case "done":
      return (
        <div className="account-trouble" data-tone="good">
          <p>
            {t("accounts.login.ended.done", { account: job.accountId })} {who ? t("accounts.login.who", { who }) : null}
          </p>
        </div>
      );
    case "failed":
    case "cancelled":
    case "timed-out":
      return (
        <div className="account-trouble" data-tone={job.state === "failed" ? "bad" : "warn"}>
          <p>{t(`accounts.login.ended.${job.state}`)}</p>
          {job.error ? <p>{job.error}</p> : null}
          {job.hint ? <p className="soft">{job.hint}</p> : null}
        </div>
      );
    default:
      return null;
  }
}
