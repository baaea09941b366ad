// The tools that the model is offered: name, description, and the JSON Schema of the arguments.
import { useTranslation } from "react-i18next";

import { Button } from "../../parts/Button";
import { Editor } from "../../parts/editor/Editor";
import { Field } from "../../parts/Field";
import { WEATHER, type Draft, type Tool } from "./draft";
import type { Problem } from "./request";
import { useProblemText } from "./useProblemText";

interface Props {
  tools: readonly Tool[];
  choice: Draft["choice"];
  problems: readonly Problem[];
  onTools: (tools: readonly Tool[]) => void;
  onChoice: (choice: Draft["choice"]) => void;
}

export function ToolList({ tools, choice, problems, onTools, onChoice }: Props) {
  const { t } = useTranslation();
  const fresh = (): Tool => ({
    ...WEATHER,
    name: tools.some((tool) => tool.name === WEATHER.name) ? `tool_${tools.length + 1}` : WEATHER.name,
  });
  return (
    <section className="play-tools" aria-label={t("playground.tools")}>
      <h2>{t("playground.tools")}</h2>
      {tools.map((tool, index) => (
        <OneTool
          // A tool has no other name that stays while its name is written.
          key={index}
          index={index}
          tool={tool}
          problems={problems}
          onChange={(changes) => onTools(tools.map((one, at) => (at === index ? { ...one, ...changes } : one)))}
          onRemove={() => onTools(tools.filter((_, at) => at !== index))}
        />
      ))}
      <Button onClick={() => onTools([...tools, fresh()])}>{t("playground.addTool")}</Button>
      {tools.length > 0 ? (
        <Field label={t("playground.choice")}>
          {(field) => (
            <select {...field} value={choice} onChange={(event) => onChoice(event.target.value as Draft["choice"])}>
              <option value="auto">{t("playground.choices.auto")}</option>
              <option value="required">{t("playground.choices.required")}</option>
              <option value="none">{t("playground.choices.none")}</option>
            </select>
          )}
        </Field>
      ) : null}
    </section>
  );
}

interface OneProps {
  index: number;
  tool: Tool;
  problems: readonly Problem[];
  onChange: (changes: Partial<Tool>) => void;
  onRemove: () => void;
}

function OneTool({ index, tool, problems, onChange, onRemove }: OneProps) {
  const { t } = useTranslation();
  const said = useProblemText(problems);
  const wrong = said(`tool ${index} schema`);
  return (
    <fieldset className="play-tool">
      <legend className="visually-hidden">{tool.name}</legend>
      <Field label={t("playground.toolName")} problem={said(`tool ${index} name`)}>
        {(field) => (
          <input
            {...field}
            value={tool.name}
            spellCheck={false}
            onChange={(event) => onChange({ name: event.target.value })}
          />
        )}
      </Field>
      <Field label={t("playground.toolAbout")}>
        {(field) => (
          <input {...field} value={tool.about} onChange={(event) => onChange({ about: event.target.value })} />
        )}
      </Field>
      <div className="play-editor">
        <Editor
          label={t("playground.toolSchema", { name: tool.name })}
          language="json"
          value={tool.schema}
          onChange={(schema) => onChange({ schema })}
        />
        {wrong ? (
          <p className="field-problem" role="alert">
            {wrong}
          </p>
        ) : null}
      </div>
      <Button quiet aria-label={t("playground.removeTool", { name: tool.name })} onClick={onRemove}>
        {t("common.delete")}
      </Button>
    </fieldset>
  );
}
