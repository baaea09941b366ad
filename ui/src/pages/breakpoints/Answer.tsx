// An answer in the model's place: words, a call, or both.
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";

import { ApiError } from "../../api/client";
import { Button } from "../../parts/Button";
import { Field } from "../../parts/Field";
import { useToast } from "../../parts/Toast";
import { useAnswer, type HaltedDetail } from "./breakpoints";

export function Answer({ halted }: { halted: HaltedDetail }) {
  const { t } = useTranslation();
  const answer = useAnswer(halted.id);
  const say = useToast();
  const go = useNavigate();
  const [text, setText] = useState("");
  const [name, setName] = useState("");
  const [given, setGiven] = useState("{}");
  const problem = answer.error instanceof ApiError && answer.error.status === 400 ? answer.error : null;

  async function send(): Promise<void> {
    try {
      const calls = name.trim() ? [{ name: name.trim(), arguments: given }] : [];
      await answer.mutateAsync({ text, calls });
      say.done(t("breakpoints.decide.answered"));
      void go("/breakpoints");
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 400)) say.failed(error);
    }
  }

  if (!halted.answerable) return <p>{t("breakpoints.decide.partial")}</p>;
  return (
    <form
      className="decide"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <p className="soft">{t("breakpoints.decide.answerAbout")}</p>
      <Field label={t("breakpoints.decide.text")} problem={problem?.param === "text" ? problem.message : ""}>
        {(field) => <textarea {...field} value={text} onChange={(event) => setText(event.target.value)} />}
      </Field>
      <Field label={t("breakpoints.decide.call")} about={t("breakpoints.decide.callAbout")}>
        {(field) => <input {...field} value={name} onChange={(event) => setName(event.target.value)} />}
      </Field>
      <Field
        label={t("breakpoints.decide.arguments")}
        problem={problem && problem.param !== "text" ? problem.message : ""}
      >
        {(field) => (
          <textarea
            {...field}
            value={given}
            disabled={!name.trim()}
            spellCheck={false}
            onChange={(event) => setGiven(event.target.value)}
          />
        )}
      </Field>
      <div className="row-end">
        <Button primary type="submit" disabled={answer.isPending || (!text && !name.trim())}>
          {t("breakpoints.decide.send")}
        </Button>
      </div>
    </form>
  );
}
