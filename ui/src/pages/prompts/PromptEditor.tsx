// One prompt: its text, how it comes out, and what was changed of it.
import { useQueryClient } from "@tanstack/react-query";
import { useId, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { api, body } from "../../api/client";
import { useMayChange } from "../../app/opened";
import { useAddress } from "../../parts/address";
import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Confirm } from "../../parts/Dialog";
import { Difference, Editor } from "../../parts/editor/Editor";
import { Unsaved } from "../../parts/editor/Unsaved";
import { useRested } from "../../parts/editor/rested";
import { Prose } from "../../parts/Prose";
import { Tabs } from "../../parts/Tabs";
import { useToast } from "../../parts/Toast";
import { problemsOf, usePreview, type Changed, type Prompt } from "./data";
import { Preview } from "./Preview";

const VIEWS = ["edit", "preview", "changes"] as const;
const TYPING = 300;

export function PromptEditor({ prompt }: { prompt: Prompt }) {
  const { t } = useTranslation();
  const [asked, change] = useAddress();
  const edit = usePromptEdit(prompt);
  const mayChange = useMayChange();
  const [values, setValues] = useState<Record<string, string>>({});
  const rested = useRested(edit.draft, TYPING);
  const preview = usePreview(prompt.id, rested, values);
  const problems = useMemo(() => problemsOf(preview.error), [preview.error]);
  const found = useId();
  const view = VIEWS.find((name) => name === asked.get("view")) ?? "edit";
  const choose = (name: string) => change({ view: name === "edit" ? null : name });

  return (
    <section className="prompts-editor" aria-label={prompt.id}>
      <Head prompt={prompt} />
      <div className="row">
        {mayChange ? (
          <Button primary disabled={!edit.dirty || edit.busy || problems.length > 0} onClick={() => void edit.save()}>
            {t("common.save")}
          </Button>
        ) : null}
        <Button disabled={!edit.dirty} onClick={edit.discard}>
          {t("editor.discard")}
        </Button>
        {prompt.overridden ? (
          <Confirm
            label={t("prompts.reset")}
            title={t("prompts.resetTitle")}
            about={t("prompts.resetAbout", { name: prompt.id })}
            confirm={t("common.reset")}
            onConfirm={edit.reset}
          />
        ) : null}
        {edit.dirty ? <Badge tone="warn">{t("common.unsaved")}</Badge> : null}
      </div>
      <Tabs
        label={t("prompts.views.label")}
        chosen={view}
        onChoose={choose}
        tabs={[
          {
            id: "edit",
            name: t("prompts.views.edit"),
            content: (
              <div className="prompts-text">
                <Editor
                  label={t("prompts.editor", { name: prompt.id })}
                  value={edit.draft}
                  onChange={edit.write}
                  onSave={() => (mayChange ? void edit.save() : undefined)}
                  problems={problems}
                  describedBy={found}
                />
              </div>
            ),
          },
          {
            id: "preview",
            name: t("prompts.views.preview"),
            content: <Preview prompt={prompt} preview={preview.data} values={values} onValues={setValues} />,
          },
          {
            id: "changes",
            name: t("prompts.views.changes"),
            content:
              edit.draft === prompt.default ? (
                <p className="soft">{t("prompts.same")}</p>
              ) : (
                <Difference label={t("prompts.difference")} before={prompt.default} after={edit.draft} />
              ),
          },
        ]}
      />
      <div id={found} role="status">
        <ul className="prompts-problems">
          {problems.map((problem) => (
            <li key={`${problem.line}:${problem.col}:${problem.message}`}>
              <Badge tone="bad">{t("editor.error")}</Badge>{" "}
              {problem.line > 0 ? (
                <code>
                  {problem.line}:{problem.col}
                </code>
              ) : null}{" "}
              {problem.message}
            </li>
          ))}
        </ul>
      </div>
      <Unsaved
        unsaved={edit.dirty}
        subject={({ pathname, search }) => `${pathname}?${new URLSearchParams(search).get("prompt") ?? ""}`}
      />
    </section>
  );
}

function Head({ prompt }: { prompt: Prompt }) {
  const { t } = useTranslation();
  return (
    <>
      <h2>
        <code>{prompt.id}</code>
      </h2>
      <p>
        <Prose text={prompt.description} />
      </p>
      {prompt.problem ? (
        <p>
          <Badge tone="bad">{t("prompts.problem")}</Badge> {t("prompts.notInUse", { problem: prompt.problem })}
        </p>
      ) : null}
      <dl className="prompts-facts">
        <div>
          <dt>{t("prompts.variables")}</dt>
          <dd className="row">
            {prompt.variables.length > 0 ? (
              <>
                {prompt.variables.map((variable) => (
                  <code key={variable}>{`{{ ${variable} }}`}</code>
                ))}
                <span className="soft">{t("prompts.variablesAbout")}</span>
              </>
            ) : (
              <span className="soft">{t("prompts.noVariables")}</span>
            )}
          </dd>
        </div>
        {prompt.file ? (
          <div>
            <dt>{t("prompts.file")}</dt>
            <dd>
              <Link to={`/pipelines?${new URLSearchParams({ view: "files", file: prompt.file }).toString()}`}>
                {prompt.file}
              </Link>
            </dd>
          </div>
        ) : null}
      </dl>
    </>
  );
}

function usePromptEdit(prompt: Prompt) {
  const { t } = useTranslation();
  const say = useToast();
  const queries = useQueryClient();
  const text = prompt.override ?? prompt.default;
  const [begun, setBegun] = useState(text);
  const [draft, setDraft] = useState(text);
  const [busy, setBusy] = useState(false);
  const dirty = draft !== begun;
  if (text !== begun && !dirty) {
    setBegun(text);
    setDraft(text);
  }

  function take(answer: Changed, done: string): void {
    queries.setQueryData(["prompts"], answer.prompts);
    say.done(answer.inForce ? done : t("prompts.waiting", { name: prompt.id }));
  }

  async function change(value: string | null, shown: string, done: string): Promise<void> {
    setBusy(true);
    try {
      const answer = await body(api.POST("/api/prompts", { body: { id: prompt.id, value } }));
      setBegun(shown);
      setDraft(shown);
      take(answer, done);
    } catch (error) {
      say.failed(error);
    } finally {
      setBusy(false);
    }
  }

  return {
    draft,
    dirty,
    busy,
    write: setDraft,
    discard: () => {
      setBegun(text);
      setDraft(text);
    },
    // The file's own text set over itself is no change: it would only outlive the file's next one.
    save: () =>
      dirty && !busy
        ? change(draft === prompt.default ? null : draft, draft, t("prompts.saved", { name: prompt.id }))
        : Promise.resolve(),
    reset: () => change(null, prompt.default, t("prompts.resetDone", { name: prompt.id })),
  };
}
