// One account: how it is and why, what it does, and what can be done with it.
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { Badge } from "../../parts/Badge";
import { Time } from "../../parts/Time";
import { canTryAgain, isHeld, stateOf, toneOf, type Account, type Usage, type Way } from "./accounts";
import { AccountActs } from "./AccountActs";
import { AccountFacts } from "./AccountFacts";
import { Countdown } from "./Countdown";
import { VerdictLine, type Verdict } from "./Verdict";

interface Props {
  account: Account;
  usage: Usage | undefined;
  way: Way | undefined;
  verdict: Verdict | undefined;
  onValidate: () => void;
  onEdit: () => void;
  onLogin: (way: "browser" | "paste") => void;
  /** A time that was counted down is over. */
  onEnd: () => void;
}

export function AccountCard({ account, usage, way, verdict, onValidate, onEdit, onLogin, onEnd }: Props) {
  return (
    <article className="card account" aria-labelledby={`account-${account.id}`} data-state={account.state}>
      <Head account={account} />
      <Trouble account={account} onEnd={onEnd} />
      <AccountFacts account={account} way={way} onEnd={onEnd} />
      <UsageLine usage={usage} />
      <VerdictLine verdict={verdict} />
      <AccountActs
        account={account}
        runs={usage?.runs ?? 0}
        busy={verdict?.status === "busy"}
        again={canTryAgain(account)}
        onValidate={onValidate}
        onEdit={onEdit}
        onLogin={onLogin}
      />
    </article>
  );
}

function Head({ account }: { account: Account }) {
  const { t } = useTranslation();
  const about = account.source === "env" ? "envAbout" : account.source === "demo" ? "demoAbout" : null;
  return (
    <div className="account-head">
      <div>
        <h2 id={`account-${account.id}`}>{account.label}</h2>
        <p className="soft">
          <code>{account.id}</code> ·{" "}
          {t(`accounts.source.${account.source === "env" || account.source === "demo" ? account.source : "file"}`)}
        </p>
      </div>
      <Badge tone={toneOf(account)}>{t(`accounts.states.${isHeld(account) ? "held" : stateOf(account)}`)}</Badge>
      {about ? <p className="soft account-about">{t(`accounts.source.${about}`)}</p> : null}
    </div>
  );
}

/** Why it cannot be used, until when, and what helps. */
function Trouble({ account, onEnd }: { account: Account; onEnd: () => void }) {
  const { t } = useTranslation();
  const state = stateOf(account);
  const held = isHeld(account);
  if (state === "ready" && !held) return null;
  return (
    <div className="account-trouble" data-tone={toneOf(account)}>
      {account.reason ? <p>{account.reason}</p> : null}
      {account.until !== null ? (
        <p>
          {t("accounts.ends")} <Countdown until={account.until} onEnd={onEnd} /> (<Time at={account.until} />)
        </p>
      ) : null}
      <p className="soft">
        {t(`accounts.ways.${held ? "held" : state === "ready" ? "held" : state}`)}{" "}
        {held ? <Link to="/network">{t("shell.pages.network")}</Link> : null}
      </p>
    </div>
  );
}

function UsageLine({ usage }: { usage: Usage | undefined }) {
  const { t, i18n } = useTranslation();
  const number = (value: number) => value.toLocaleString(i18n.language);
  return (
    <section className="account-usage" aria-label={t("accounts.usage.title", { hours: 24 })}>
      <h3>{t("accounts.usage.title", { hours: 24 })}</h3>
      {usage ? (
        <dl className="facts">
          <div>
            <dt>{t("accounts.usage.runs")}</dt>
            <dd>
              <Link to={`/flows?filter=${encodeURIComponent(`~a ${usage.accountId}`)}`}>{number(usage.runs)}</Link>{" "}
              <span className="soft">
                ({number(usage.completed)} {t("accounts.usage.answered")}, {number(usage.failed)}{" "}
                {t("accounts.usage.failed")})
              </span>
            </dd>
          </div>
          <div>
            <dt>{t("accounts.usage.tokens")}</dt>
            <dd>
              {t("accounts.usage.tokensOf", { input: number(usage.inputTokens), output: number(usage.outputTokens) })}
            </dd>
          </div>
          <div>
            <dt>{t("accounts.usage.success")}</dt>
            <dd>
              <Time at={usage.lastSuccessAt} />
            </dd>
          </div>
          {usage.lastFailure ? (
            <div className="facts-wide">
              <dt>{t("accounts.usage.failure")}</dt>
              <dd>
                <Time at={usage.lastFailure.at} /> {usage.lastFailure.message || usage.lastFailure.kind}{" "}
                <Link to={`/flows/${encodeURIComponent(usage.lastFailure.id)}`}>{t("accounts.usage.flow")}</Link>
              </dd>
            </div>
          ) : null}
        </dl>
      ) : (
        <p className="soft">{t("accounts.usage.none")}</p>
      )}
    </section>
  );
}
