// What has been said so far, and the answer that is coming in.
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Empty } from "../../parts/Empty";
import type { Delta } from "./answer";
import type { Exchange } from "./ask";
import type { Call, Turn } from "./draft";

interface Props {
  turns: readonly Turn[];
  /** The exchange whose answer is not among the turns. */
  live: Exchange | null;
  /** Keep only so many turns. */
  onCut: (length: number) => void;
}

export function Conversation({ turns, live, onCut }: Props) {
  const { t } = useTranslation();
  const [marked, setMarked] = useState(false);
  if (turns.length === 0 && !live) {
    return (
      <Empty title={t("playground.emptyTitle")}>
        <p>{t("playground.emptyAbout")}</p>
      </Empty>
    );
  }
  return (
    <section className="play-talk" aria-label={t("playground.conversation")}>
      <ol>
        {turns.map((turn, index) => (
          // Turns are only ever added at the end, or cut from there.
          <li key={index} className="play-turn" data-role={turn.role}>
            <Said turn={turn} onCut={() => onCut(index)} />
          </li>
        ))}
        {live ? (
          <li className="play-turn" data-role="assistant" data-live aria-busy={live.state !== "failed"}>
            <p className="play-who">{t("playground.roles.assistant")}</p>
            <Thinking text={live.answer.thinking} open />
            <p className="play-words">
              {marked ? <Deltas deltas={live.answer.deltas} /> : live.answer.text}
              {live.state === "failed" ? null : <span className="play-caret" aria-hidden="true" />}
            </p>
            <Calls calls={live.answer.calls} />
          </li>
        ) : null}
      </ol>
      <label className="play-switch">
        <input type="checkbox" checked={marked} onChange={(event) => setMarked(event.target.checked)} />
        {t("playground.markDeltas")}
      </label>
    </section>
  );
}

function Said({ turn, onCut }: { turn: Turn; onCut: () => void }) {
  const { t } = useTranslation();
  const cut = (
    <Button quiet className="play-cut" onClick={onCut}>
      {t("playground.cut")}
    </Button>
  );
  switch (turn.role) {
    case "user":
      return (
        <Words who={t("playground.roles.user")} act={cut} text={turn.text}>
          <Pictures urls={turn.pictures} />
        </Words>
      );
    case "tool":
      return <Words who={t("playground.roles.tool", { name: turn.call.name })} act={cut} text={turn.text} />;
    case "assistant":
      return (
        <Words
          who={t("playground.roles.assistant")}
          act={cut}
          text={turn.text}
          before={<Thinking text={turn.thinking} />}
        >
          <Calls calls={turn.calls} />
        </Words>
      );
  }
}

interface WordsProps {
  who: string;
  act: ReactNode;
  text: string;
  before?: ReactNode;
  children?: ReactNode;
}

function Words({ who, act, text, before, children }: WordsProps) {
  return (
    <>
      <div className="play-who">
        <span>{who}</span>
        {act}
      </div>
      {before}
      {text ? <p className="play-words">{text}</p> : null}
      {children}
    </>
  );
}

function Thinking({ text, open }: { text: string; open?: boolean }) {
  const { t } = useTranslation();
  if (!text) return null;
  return (
    <details className="play-thinking" open={open}>
      <summary>{t("playground.thought", { count: text.length })}</summary>
      <p className="play-words">{text}</p>
    </details>
  );
}

function Deltas({ deltas }: { deltas: readonly Delta[] }) {
  return deltas
    .filter((delta) => delta.kind === "text")
    .map((delta, index) => (
      // Deltas are only ever added at the end.
      <span key={index} className="play-delta">
        {delta.text}
      </span>
    ));
}

function Calls({ calls }: { calls: readonly Call[] }) {
  const { t } = useTranslation();
  return calls.map((call, index) => (
    <div key={call.id || index} className="play-call">
      <Badge tone="info">{t("playground.call")}</Badge> <code>{call.name}</code>
      <pre>{pretty(call.arguments)}</pre>
    </div>
  ));
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function Pictures({ urls }: { urls: readonly string[] }) {
  const { t } = useTranslation();
  if (urls.length === 0) return null;
  return (
    <ul className="play-pictures">
      {urls.map((url, index) => (
        <li key={index}>
          {url.startsWith("data:") ? (
            <img src={url} alt={t("playground.picture", { number: index + 1 })} />
          ) : (
            <code>{url}</code>
          )}
        </li>
      ))}
    </ul>
  );
}
