// One flow that waits, with what it waits with, and what becomes of it: other content, an answer by hand, an error.
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";

import { ApiError } from "../../api/client";
import { Button } from "../../parts/Button";
import { Dialog } from "../../parts/Dialog";
import { Editor } from "../../parts/editor/Editor";
import { Empty, Failed, Loading } from "../../parts/Empty";
import { Field } from "../../parts/Field";
import { Tabs } from "../../parts/Tabs";
import { useToast } from "../../parts/Toast";
import { Countdown } from "../accounts/Countdown";
import { Answer } from "./Answer";
import { edited, held, useAbort, useEdit, useHalted, type HaltedDetail } from "./breakpoints";

/** `waits` is what the list says of it; undefined as long as there is none. */
export function Decide({ id, waits }: { id: string; waits: boolean | undefined }) {
  const { t } = useTranslation();
  const halted = useHalted(id);
  const [tab, setTab] = useState("edit");
  const over = waits === false || (halted.error instanceof ApiError && halted.error.status === 404);
  if (over) {
    return (
      <section className="card" role="status">
        <Empty title={t("breakpoints.decide.gone")}>
          <p>{t("breakpoints.decide.goneAbout")}</p>
          <Link to="/breakpoints">{t("breakpoints.decide.back")}</Link>
        </Empty>
      </section>
    );
  }
  return (
    <section className="card decide-card" aria-labelledby="decide">
      {halted.isPending ? <Loading /> : null}
      {halted.error ? <Failed error={halted.error} onRetry={() => void halted.refetch()} /> : null}
      {halted.data ? (
        <>
          <div className="page-head">
            <h2 id="decide">{t("breakpoints.decide.title", { boundary: halted.data.boundary })}</h2>
            <div className="page-actions">
              <span className="halted-left">
                {t("breakpoints.halted.left")} <Countdown until={halted.data.until} />
              </span>
              <Abort id={id} />
            </div>
          </div>
          <Tabs
            label={t("breakpoints.decide.tabs")}
            chosen={tab}
            onChoose={setTab}
            tabs={[
              { id: "edit", name: t("breakpoints.decide.edit"), content: <Edit halted={halted.data} /> },
              { id: "answer", name: t("breakpoints.decide.answer"), content: <Answer halted={halted.data} /> },
            ]}
          />
        </>
      ) : null}
    </section>
  );
}

function Edit({ halted }: { halted: HaltedDetail }) {
  const { t } = useTranslation();
  const before = held(halted);
  const edit = useEdit(halted.id);
  const say = useToast();
  const go = useNavigate();
  const [text, setText] = useState(before);
  const [problem, setProblem] = useState("");

  async function send(): Promise<void> {
    try {
      await edit.mutateAsync(edited(halted, text));
      say.done(t("breakpoints.decide.edited"));
      void go("/breakpoints");
    } catch (error) {
      if (error instanceof SyntaxError) setProblem(t("breakpoints.decide.notJson", { problem: error.message }));
      else if (error instanceof ApiError && error.status === 400) setProblem(`${error.message} ${error.hint}`);
      else say.failed(error);
    }
  }

  return (
    <div className="decide">
      <p className="soft">{t("breakpoints.decide.editAbout")}</p>
      <div className="decide-editor">
        <Editor
          label={t(halted.side === "request" ? "breakpoints.decide.document" : "breakpoints.decide.events")}
          language="json"
          value={text}
          onChange={(now) => {
            setText(now);
            setProblem("");
          }}
          onSave={() => void send()}
          describedBy="decide-problem"
        />
      </div>
      <p className="field-problem" id="decide-problem" role="alert">
        {problem}
      </p>
      <div className="row-end">
        <Button disabled={text === before} onClick={() => setText(before)}>
          {t("breakpoints.decide.reset")}
        </Button>
        <Button primary disabled={edit.isPending} onClick={() => void send()}>
          {t("breakpoints.decide.go")}
        </Button>
      </div>
    </div>
  );
}

function Abort({ id }: { id: string }) {
  const { t } = useTranslation();
  const abort = useAbort(id);
  const say = useToast();
  const go = useNavigate();
  const [open, setOpen] = useState(false);
  const [reason, setReason] = useState("");

  async function end(): Promise<void> {
    try {
      await abort.mutateAsync(reason);
      say.done(t("breakpoints.decide.aborted"));
      void go("/breakpoints");
    } catch (error) {
      say.failed(error);
      setOpen(false);
    }
  }

  return (
    <>
      <Button danger onClick={() => setOpen(true)}>
        {t("breakpoints.decide.abort")}
      </Button>
      <Dialog
        title={t("breakpoints.decide.abortTitle")}
        about={t("breakpoints.decide.abortAbout")}
        open={open}
        onClose={() => setOpen(false)}
      >
        <Field label={t("breakpoints.decide.reason")}>
          {(field) => (
            <input {...field} value={reason} maxLength={500} onChange={(event) => setReason(event.target.value)} />
          )}
        </Field>
        <div className="row-end">
          <Button onClick={() => setOpen(false)}>{t("common.cancel")}</Button>
          <Button danger disabled={abort.isPending} onClick={() => void end()}>
            {t("breakpoints.decide.abort")}
          </Button>
        </div>
      </Dialog>
    </>
  );
}
