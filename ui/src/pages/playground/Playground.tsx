// A place to talk to luna by hand: options, a conversation, and everything that comes back.
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useAddress } from "../../parts/address";
import { Button } from "../../parts/Button";
import { Page } from "../../parts/Page";
import { Tabs } from "../../parts/Tabs";
import type { Exchange } from "./ask";
import { Code } from "./Code";
import { Composer } from "./Composer";
import { Conversation } from "./Conversation";
import { BEGINNING, type Draft, type Turn } from "./draft";
import { useProxyKey } from "./key";
import { Options } from "./Options";
import { Outcome } from "./Outcome";
import { Raw } from "./Raw";
import { problemsOf, requestOf } from "./request";
import { useAsk } from "./useAsk";
import { useChoices } from "./useChoices";
import "./playground.css";

/** What of the draft stands in the URL. */
const SHARED = ["protocol", "model", "way"] as const;
/** An emptied model is empty, and not the first of the list again. */
const MAY_BE_EMPTY = ["model"];

export default function Playground() {
  const { t } = useTranslation();
  const [query, keep] = useAddress(MAY_BE_EMPTY);
  const [own, setOwn] = useState<Draft>(BEGINNING);
  const [turns, setTurns] = useState<readonly Turn[]>([]);
  const proxy = useProxyKey();
  const choices = useChoices();
  const { exchange, busy, send, abort, forget } = useAsk();

  const draft: Draft = {
    ...own,
    protocol: query.get("protocol") === "anthropic" ? "anthropic" : "openai",
    model: query.get("model") ?? choices.models[0] ?? "",
    way: query.get("way") ?? "",
  };
  const view = query.get("view") ?? "outcome";
  const problems = problemsOf(draft, [{ role: "user", text: "", pictures: [] }]);

  function change(changes: Partial<Draft>): void {
    setOwn((now) => ({ ...now, ...changes }));
    const shared = SHARED.filter((name) => changes[name] !== undefined);
    if (shared.length > 0) keep(Object.fromEntries(shared.map((name) => [name, changes[name] ?? ""])));
  }

  /** Ask with the conversation as it is then; what is answered becomes a part of it. */
  async function go(conversation: readonly Turn[]): Promise<void> {
    setTurns(conversation);
    const ended = await send(requestOf(draft, conversation, { proxy, admin: "" }), draft.protocol);
    const answered = ended && turnOf(ended);
    if (answered) setTurns([...conversation, answered]);
  }

  function startAgain(): void {
    forget();
    setTurns([]);
    setOwn((now) => ({ ...now, session: "" }));
  }

  const live = busy || exchange?.state === "failed" ? exchange : null;
  const tabs = [
    {
      id: "outcome",
      name: t("playground.views.outcome"),
      content: <Outcome exchange={exchange} session={draft.session} onSession={(session) => change({ session })} />,
    },
    { id: "raw", name: t("playground.views.raw"), content: <Raw exchange={exchange} /> },
    { id: "code", name: t("playground.views.code"), content: <Code draft={draft} turns={turns} /> },
  ];
  return (
    <Page
      title={t("shell.pages.playground")}
      actions={
        <Button disabled={turns.length === 0 && !exchange} onClick={startAgain}>
          {t("playground.again")}
        </Button>
      }
    >
      <div className="play">
        <Options draft={draft} choices={choices} problems={problems} onChange={change} />
        <div className="play-main">
          <Conversation
            turns={turns}
            live={live}
            onCut={(length) => {
              forget();
              setTurns(turns.slice(0, length));
            }}
          />
          <Composer
            turns={turns}
            busy={busy}
            blocked={problems.length > 0}
            onSend={(conversation) => void go(conversation)}
            onAbort={abort}
          />
          <Tabs
            label={t("playground.views.label")}
            tabs={tabs}
            chosen={tabs.some((tab) => tab.id === view) ? view : "outcome"}
            onChoose={(id) => keep({ view: id === "outcome" ? "" : id })}
          />
        </div>
      </div>
    </Page>
  );
}

/** What an exchange adds to the conversation: nothing where nothing was said. */
function turnOf({ state, answer }: Exchange): Turn | null {
  if (state === "failed" || (!answer.text && answer.calls.length === 0 && !answer.thinking)) return null;
  // Half a call cannot be answered.
  const calls = state === "aborted" ? [] : answer.calls;
  return { role: "assistant", text: answer.text, thinking: answer.thinking, calls };
}
