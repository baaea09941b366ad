// A prompt as the model would get it, with sample values that can be changed.
import { useTranslation } from "react-i18next";

import type { components } from "../../api/schema";
import { Block } from "../../parts/Copy";
import { Field } from "../../parts/Field";
import type { Prompt } from "./data";

interface Props {
  prompt: Prompt;
  preview: components["schemas"]["PromptPreview"] | undefined;
  values: Record<string, string>;
  onValues: (values: Record<string, string>) => void;
}

export function Preview({ prompt, preview, values, onValues }: Props) {
  const { t } = useTranslation();
  return (
    <div className="page">
      <p className="soft">{t("prompts.previewAbout")}</p>
      {preview ? <Block label={t("prompts.preview", { name: prompt.id })} text={preview.text} /> : null}
      {prompt.variables.length > 0 ? (
        <details className="card">
          <summary>{t("prompts.values")}</summary>
          {prompt.variables.map((variable) => (
            <Field key={variable} label={variable}>
              {(field) => (
                <textarea
                  {...field}
                  rows={2}
                  value={values[variable] ?? prompt.samples[variable] ?? ""}
                  onChange={(event) => onValues({ ...values, [variable]: event.target.value })}
                />
              )}
            </Field>
          ))}
        </details>
      ) : null}
    </div>
  );
}
