// One setting: its field, what it means, where its value comes from, and the way back to the default.
import type { TFunction } from "i18next";
import { useTranslation } from "react-i18next";

import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Field } from "../../parts/Field";
import { shown } from "./edits";
import type { Setting } from "./schema";

interface Props {
  setting: Setting;
  name: string;
  about: string;
  value: unknown;
  /** The default. */
  otherwise: unknown;
  source: string;
  /** What is not saved yet; null: the default again. */
  edit: string | boolean | null | undefined;
  problem: string | undefined;
  /** undefined: as it is in force. */
  onEdit: (edit: string | boolean | null | undefined) => void;
}

export function SettingField(props: Props) {
  const { setting, name, about, value, otherwise, edit, problem, onEdit } = props;
  const { t } = useTranslation();
  const now = edit === undefined ? shown(value) : edit === null ? shown(otherwise) : edit;
  const hint = rangeText(setting, t);
  return (
    <div className="settings-one" data-edited={edit !== undefined || undefined}>
      <Field label={name} about={hint ? `${about} ${hint}` : about} problem={problem}>
        {(control) => {
          switch (setting.kind) {
            case "switch":
              return (
                <input
                  {...control}
                  type="checkbox"
                  checked={now === true}
                  onChange={(event) => onEdit(event.target.checked)}
                />
              );
            case "choice":
              return (
                <select {...control} value={String(now)} onChange={(event) => onEdit(event.target.value)}>
                  {setting.choices.map((choice) => (
                    <option key={choice}>{choice}</option>
                  ))}
                </select>
              );
            default:
              return (
                <input
                  {...control}
                  type="text"
                  inputMode={setting.kind === "text" ? "text" : "decimal"}
                  value={String(now)}
                  placeholder={setting.nullable ? t("settings.unset") : undefined}
                  spellCheck={false}
                  onChange={(event) => onEdit(event.target.value)}
                />
              );
          }
        }}
      </Field>
      <Origin {...props} />
    </div>
  );
}

function Origin({ setting, name, value, otherwise, source, edit, onEdit }: Props) {
  const { t } = useTranslation();
  const given = source !== "default";
  const sources = ["default", "file", "environment", "flag"] as const;
  const known = sources.find((one) => one === source);
  return (
    <div className="settings-origin">
      <code>{setting.path}</code>
      {given || value !== otherwise ? (
        <Badge tone="info">{known ? t(`settings.source.${known}`) : source}</Badge>
      ) : null}
      {edit !== undefined ? <Badge tone="warn">{t("settings.edited")}</Badge> : null}
      <span className="soft">{t("settings.default", { value: said(otherwise, t) })}</span>
      {edit === undefined && given ? (
        <Button quiet aria-label={t("settings.resetOf", { name })} onClick={() => onEdit(null)}>
          {t("settings.reset")}
        </Button>
      ) : null}
    </div>
  );
}

function said(value: unknown, t: TFunction): string {
  if (typeof value === "boolean") return value ? t("common.yes") : t("common.no");
  return String(shown(value)) || t("settings.unset");
}

function rangeText({ least, above, most, nullable }: Setting, t: TFunction): string {
  const range =
    least !== undefined && most !== undefined
      ? t("settings.range.between", { least, most })
      : least !== undefined
        ? above
          ? t("settings.range.above", { least })
          : least > 0
            ? t("settings.range.atLeast", { least })
            : ""
        : most !== undefined
          ? t("settings.range.atMost", { most })
          : "";
  return [range, nullable ? t("settings.emptyIsUnset") : ""]
    .filter(Boolean)
    .map((sentence) => `${sentence}.`)
    .join(" ");
}
