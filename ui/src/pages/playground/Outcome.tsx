// What came of a request: how it ended and how long it took, what it cost, what went wrong, luna's own headers.
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { Badge, type Tone } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Figure } from "../../parts/Figure";
import { duration } from "../../parts/Time";
import type { Trouble } from "./answer";
import { headerOf, type Exchange } from "./ask";

const TONES: Record<Exchange["state"], Tone> = {
  asking: "info",
  answering: "info",
  done: "good",
  failed: "bad",
  aborted: "warn",
};

interface Props {
  exchange: Exchange | null;
  session: string;
  onSession: (session: string) => void;
}

export function Outcome({ exchange, session, onSession }: Props) {
  const { t } = useTranslation();
  if (!exchange) return <p className="soft">{t("playground.nothingYet")}</p>;
  const { answer, head, state, times } = exchange;
  const flow = headerOf(exchange, "x-luna-flow");
  const named = headerOf(exchange, "x-luna-session-id");
  const rate = perSecond(exchange);
  return (
    <div className="play-outcome">
      <div className="row">
        <span role="status">
          <Badge tone={TONES[state]}>{t(`playground.states.${state}`)}</Badge>
        </span>
        {head ? <Badge tone={head.status < 400 ? "plain" : "bad"}>HTTP {head.status}</Badge> : null}
        {answer.finish ? <Badge>{t("playground.finish", { reason: answer.finish })}</Badge> : null}
        {headerOf(exchange, "x-luna-demo") ? <Badge tone="warn">{t("playground.demo")}</Badge> : null}
        {flow ? <Link to={`/flows/${flow}`}>{t("playground.toFlow")}</Link> : null}
        {named ? <Link to={`/sessions/${named}`}>{t("playground.toSession")}</Link> : null}
        {named && named !== session ? (
          <Button quiet onClick={() => onSession(named)}>
            {t("playground.useSession")}
          </Button>
        ) : null}
      </div>
      {answer.trouble ? <Wrong trouble={answer.trouble} /> : null}
      <div className="figures">
        <Figure label={t("playground.head")} value={duration(times.head)} />
        <Figure label={t("playground.firstToken")} value={duration(times.first)} />
        <Figure label={t("playground.total")} value={duration(times.end)} />
        <Figure label={t("playground.input")} value={answer.usage?.input ?? "–"} note={t("playground.tokens")} />
        <Figure
          label={t("playground.output")}
          value={answer.usage?.output ?? "–"}
          note={rate ? t("playground.rate", { rate }) : t("playground.tokens")}
        />
        {answer.usage?.thinking ? (
          <Figure label={t("playground.thinking")} value={answer.usage.thinking} note={t("playground.tokens")} />
        ) : null}
      </div>
      {head ? <Headers headers={head.headers} /> : null}
    </div>
  );
}

function perSecond({ answer, times }: Exchange): string {
  if (!answer.usage || times.first === null || times.end === null || times.end <= times.first) return "";
  return ((answer.usage.output * 1000) / (times.end - times.first)).toFixed(1);
}

function Wrong({ trouble }: { trouble: Trouble }) {
  const { t } = useTranslation();
  return (
    <div className="play-trouble" role="alert">
      <p>
        <strong>{trouble.message || t("common.failed")}</strong>
      </p>
      {trouble.kind ? (
        <p>
          <code>{trouble.kind}</code>
        </p>
      ) : null}
      {trouble.kind === "unauthorized" ? <p>{t("playground.keyHint")}</p> : null}
      {trouble.status === 0 ? <p>{t("playground.brokenHint")}</p> : null}
    </div>
  );
}

function Headers({ headers }: { headers: readonly (readonly [string, string])[] }) {
  const { t } = useTranslation();
  const luna = headers.filter(([name]) => name.startsWith("x-luna-"));
  const others = headers.filter(([name]) => !name.startsWith("x-luna-"));
  return (
    <div className="scroll-x">
      <table className="plain-table play-headers">
        <caption className="visually-hidden">{t("playground.headers")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("playground.header")}</th>
            <th scope="col">{t("playground.value")}</th>
          </tr>
        </thead>
        <tbody>
          {[...luna, ...others].map(([name, value]) => (
            <tr key={name}>
              <th scope="row">
                <code>{name}</code>
              </th>
              <td>
                <code>{value}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
