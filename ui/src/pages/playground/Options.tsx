// Everything about a request but its words: who answers, which way, and how.
import { useTranslation } from "react-i18next";

import { Editor } from "../../parts/editor/Editor";
import { Field } from "../../parts/Field";
import type { Draft } from "./draft";
import { ProxyKey } from "./ProxyKey";
import type { Problem } from "./request";
import { ToolList } from "./ToolList";
import { useProblemText } from "./useProblemText";
import type { Choices } from "./useChoices";

interface Props {
  draft: Draft;
  choices: Choices;
  problems: readonly Problem[];
  onChange: (changes: Partial<Draft>) => void;
}

export function Options(props: Props) {
  const { draft, problems, onChange } = props;
  const { t } = useTranslation();
  const said = useProblemText(problems);
  return (
    <aside className="play-options" aria-label={t("playground.options")}>
      <Where {...props} />
      <Field label={t("playground.system")}>
        {(field) => (
          <textarea
            {...field}
            className="play-system"
            value={draft.system}
            onChange={(event) => onChange({ system: event.target.value })}
          />
        )}
      </Field>
      <Field label={t("playground.thinking")}>
        {(field) => (
          <select
            {...field}
            value={draft.thinking}
            onChange={(event) => onChange({ thinking: event.target.value as Draft["thinking"] })}
          >
            <option value="">{t("playground.thinkings.unsaid")}</option>
            <option value="thinking">{t("playground.thinkings.thinking")}</option>
            <option value="auto">{t("playground.thinkings.auto")}</option>
            <option value="fast">{t("playground.thinkings.fast")}</option>
          </select>
        )}
      </Field>
      <Field label={t("playground.maxTokens")} about={t("playground.maxTokensAbout")} problem={said("maxTokens")}>
        {(field) => (
          <input
            {...field}
            inputMode="numeric"
            value={draft.maxTokens}
            onChange={(event) => onChange({ maxTokens: event.target.value })}
          />
        )}
      </Field>
      <label className="play-switch">
        <input
          type="checkbox"
          checked={draft.stream}
          onChange={(event) => onChange({ stream: event.target.checked })}
        />
        {t("playground.stream")}
      </label>
      <Field label={t("playground.format")}>
        {(field) => (
          <select
            {...field}
            value={draft.format}
            onChange={(event) => onChange({ format: event.target.value as Draft["format"] })}
          >
            <option value="text">{t("playground.formats.text")}</option>
            <option value="json">{t("playground.formats.json")}</option>
            <option value="schema">{t("playground.formats.schema")}</option>
          </select>
        )}
      </Field>
      {draft.format === "schema" ? (
        <div className="play-editor">
          <Editor
            label={t("playground.answerSchema")}
            language="json"
            value={draft.schema}
            onChange={(schema) => onChange({ schema })}
          />
          {said("schema") ? (
            <p className="field-problem" role="alert">
              {said("schema")}
            </p>
          ) : null}
        </div>
      ) : null}
      <ToolList
        tools={draft.tools}
        choice={draft.choice}
        problems={problems}
        onTools={(tools) => onChange({ tools })}
        onChoice={(choice) => onChange({ choice })}
      />
    </aside>
  );
}

function Where({ draft, choices, problems, onChange }: Props) {
  const { t } = useTranslation();
  const said = useProblemText(problems);
  return (
    <>
      {choices.keyRequired ? <ProxyKey /> : null}
      <Field label={t("playground.protocol")}>
        {(field) => (
          <select
            {...field}
            value={draft.protocol}
            onChange={(event) => onChange({ protocol: event.target.value as Draft["protocol"] })}
          >
            <option value="openai">OpenAI · /v1/chat/completions</option>
            <option value="anthropic">Anthropic · /v1/messages</option>
          </select>
        )}
      </Field>
      <Field label={t("playground.model")} about={t("playground.modelAbout")} problem={said("model")}>
        {(field) => (
          <>
            <input
              {...field}
              list="play-models"
              value={draft.model}
              spellCheck={false}
              autoComplete="off"
              onChange={(event) => onChange({ model: event.target.value })}
            />
            <datalist id="play-models">
              {choices.models.map((model) => (
                <option key={model} value={model} />
              ))}
            </datalist>
          </>
        )}
      </Field>
      <Field label={t("playground.way")} about={t("playground.wayAbout")}>
        {(field) => (
          <select {...field} value={draft.way} onChange={(event) => onChange({ way: event.target.value })}>
            <option value="">{t("playground.anyWay")}</option>
            <optgroup label={t("playground.routes")}>
              {choices.routes.map((name) => (
                <option key={name} value={`route ${name}`}>
                  {name}
                </option>
              ))}
            </optgroup>
            <optgroup label={t("playground.pipelines")}>
              {choices.pipelines.map((name) => (
                <option key={name} value={`pipeline ${name}`}>
                  {name}
                </option>
              ))}
            </optgroup>
          </select>
        )}
      </Field>
      <Field label={t("playground.account")}>
        {(field) => (
          <select {...field} value={draft.account} onChange={(event) => onChange({ account: event.target.value })}>
            <option value="">{t("playground.anyAccount")}</option>
            {choices.accounts.map((account) => (
              <option key={account.id} value={account.id}>
                {account.name}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label={t("playground.session")} about={t("playground.sessionAbout")}>
        {(field) => (
          <input
            {...field}
            value={draft.session}
            spellCheck={false}
            onChange={(event) => onChange({ session: event.target.value.trim() })}
          />
        )}
      </Field>
    </>
  );
}
