// What is known of an account besides its state: its login, its limits, its way out.
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { Badge } from "../../parts/Badge";
import { Time } from "../../parts/Time";
import { endsSoon, type Account, type Way } from "./accounts";
import { Countdown } from "./Countdown";
import { useNow } from "./now";

interface Props {
  account: Account;
  way: Way | undefined;
  onEnd: () => void;
}

export function AccountFacts({ account, way, onEnd }: Props) {
  const { t } = useTranslation();
  const { running, limit, circuit } = account;
  // A rest for chats is the account's state, which is told above.
  const rests = Object.entries(account.cooldowns).filter(
    ([subject]) => subject !== "chat" || account.state !== "cooling",
  );
  return (
    <dl className="facts">
      <Fact name={t("accounts.facts.login")}>
        <LoginEnd account={account} />
      </Fact>
      <Fact name={t("accounts.facts.running")}>
        {limit > 0 ? t("accounts.facts.runningOf", { running, limit }) : t("accounts.facts.runningFree", { running })}
      </Fact>
      <Fact name={t("accounts.facts.way")}>
        <WayOut account={account} way={way} />
      </Fact>
      <Fact name={t("accounts.facts.used")}>
        {account.lastUsedAt === null ? t("accounts.facts.never") : <Time at={account.lastUsedAt} />}
      </Fact>
      {rests.map(([subject, rest]) => (
        <Fact
          key={subject}
          name={t("accounts.facts.rest", {
            subject: subject === "chat" || subject === "media" ? t(`accounts.facts.subjects.${subject}`) : subject,
          })}
        >
          {rest.until !== null ? <Countdown until={rest.until} onEnd={onEnd} /> : null}{" "}
          <span className="soft">{rest.reason}</span>
        </Fact>
      ))}
      {circuit.failures > 0 ? <Fact name={t("accounts.facts.failures")}>{circuit.failures}</Fact> : null}
      <Fact name={t("accounts.facts.fingerprint")}>
        <code title={t("accounts.facts.fingerprintAbout")}>{account.fingerprint}</code>
      </Fact>
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function LoginEnd({ account }: { account: Account }) {
  const { t, i18n } = useTranslation();
  const end = account.expiresAt;
  const now = useNow(60_000);
  const renewed = account.renewable ? t("accounts.facts.renewed") : t("accounts.facts.notRenewed");
  if (end === null)
    return (
      <>
        {t("accounts.facts.loginUnknown")} <span className="soft">({renewed})</span>
      </>
    );
  const soon = endsSoon(account, now);
  const shown = end <= now ? t("accounts.facts.loginOver") : distance(end - now, i18n.language);
  return (
    <>
      {soon ? <Badge tone={end <= now ? "bad" : "warn"}>{shown}</Badge> : shown}{" "}
      <span className="soft">
        (<Time at={end} />, {renewed})
      </span>
    </>
  );
}

function WayOut({ account, way }: { account: Account; way: Way | undefined }) {
  const { t } = useTranslation();
  const profile = account.networkProfileId;
  const named = profile ? <Link to={`/network?profile=${encodeURIComponent(profile)}`}>{profile}</Link> : null;
  if (way && !way.open)
    return (
      <>
        <Badge tone="bad">{t("accounts.facts.closed")}</Badge> {named}
      </>
    );
  return (
    <>
      {named ?? (way?.workerId ? null : t("accounts.facts.direct"))}
      {way?.workerId ? ` ${t("accounts.facts.byWorker", { worker: way.workerId })}` : null}
      {way?.ip ? <span className="soft"> {way.ip}</span> : null}
    </>
  );
}

const UNITS = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
] as const;

/** `in 3 days`, in the page's language. */
export function distance(milliseconds: number, language: string): string {
  const words = new Intl.RelativeTimeFormat(language, { numeric: "always" });
  for (const [unit, size] of UNITS) {
    if (milliseconds >= size) return words.format(Math.floor(milliseconds / size), unit);
  }
  return words.format(Math.ceil(milliseconds / 60_000), "minute");
}
