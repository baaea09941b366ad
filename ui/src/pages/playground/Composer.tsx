// What is said next: words and pictures of the user, or the answers to the model's calls; sending and stopping.
import { useState, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";

import { Button } from "../../parts/Button";
import { Field } from "../../parts/Field";
import type { Call, Turn } from "./draft";
import { PictureList } from "./PictureList";

interface Props {
  turns: readonly Turn[];
  busy: boolean;
  /** Something is wrong with the options. */
  blocked: boolean;
  onSend: (conversation: readonly Turn[]) => void;
  onAbort: () => void;
}

export function Composer(props: Props) {
  const { turns, busy, onAbort } = props;
  const { t } = useTranslation();
  const last = turns.at(-1);
  if (busy) {
    return (
      <div className="row">
        <Button danger onClick={onAbort}>
          {t("playground.abort")}
        </Button>
      </div>
    );
  }
  if (last?.role === "assistant" && last.calls.length > 0) {
    return <Answers key={turns.length} calls={last.calls} {...props} />;
  }
  return <Message {...props} />;
}

function Message({ turns, blocked, onSend }: Props) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const [pictures, setPictures] = useState<readonly string[]>([]);
  const last = turns.at(-1);
  const empty = !text.trim() && pictures.length === 0;
  // What was not answered can be sent as it is.
  const again = empty && (last?.role === "user" || last?.role === "tool");
  const ready = !blocked && (!empty || again);

  function send(): void {
    if (!ready) return;
    onSend(again ? turns : [...turns, { role: "user", text, pictures }]);
    setText("");
    setPictures([]);
  }

  return (
    <form
      className="play-compose"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <Field label={t("playground.message")} about={t("playground.messageAbout")}>
        {(field) => (
          <textarea
            {...field}
            value={text}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => onEnter(event, send)}
          />
        )}
      </Field>
      <PictureList pictures={pictures} onChange={setPictures} />
      <div className="row-end">
        {blocked ? <span className="field-problem">{t("playground.blocked")}</span> : null}
        <Button primary type="submit" disabled={!ready}>
          {again ? t("playground.sendAgain") : t("playground.send")}
        </Button>
      </div>
    </form>
  );
}

function Answers({ calls, turns, blocked, onSend }: Props & { calls: readonly Call[] }) {
  const { t } = useTranslation();
  const [answers, setAnswers] = useState<readonly string[]>(() => calls.map(() => ""));

  function send(): void {
    if (blocked) return;
    onSend([...turns, ...calls.map((call, index): Turn => ({ role: "tool", call, text: answers[index] ?? "" }))]);
  }

  return (
    <form
      className="play-compose"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <p className="soft">{t("playground.answerAbout")}</p>
      {calls.map((call, at) => (
        <Field key={call.id} label={t("playground.answerOf", { name: call.name })}>
          {(field) => (
            <textarea
              {...field}
              value={answers[at]}
              onChange={(event) => setAnswers(answers.map((one, index) => (index === at ? event.target.value : one)))}
              onKeyDown={(event) => onEnter(event, send)}
            />
          )}
        </Field>
      ))}
      <div className="row-end">
        <Button primary type="submit" disabled={blocked}>
          {t("playground.sendAnswers", { count: calls.length })}
        </Button>
      </div>
    </form>
  );
}

function onEnter(event: KeyboardEvent, act: () => void): void {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  act();
}
