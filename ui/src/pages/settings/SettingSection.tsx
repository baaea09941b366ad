// One section of the settings: its fields, and the one request that saves what was changed in it.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { api, ApiError, body } from "../../api/client";
import type { components } from "../../api/schema";
import { chooseLanguage, LANGUAGES, proposeLanguage, type Language } from "../../i18n";
import type { Known } from "../../i18n/meanings";
import { Button } from "../../parts/Button";
import { useToast } from "../../parts/Toast";
import { CONFIG, type Config } from "./config";
import { edited, editsOf, patchOf, without, type Edits } from "./edits";
import { valueAt, type Section, type Setting } from "./schema";
import { SettingField } from "./SettingField";

interface Props {
  section: Section;
  /** Those of it that are shown. */
  settings: readonly Setting[];
  config: Config;
  meanings: Known;
  edits: Edits;
  onEdits: (change: (edits: Edits) => Edits) => void;
}

export function SettingSection({ section, settings, config, meanings, edits, onEdits }: Props) {
  const { t, i18n } = useTranslation();
  const say = useToast();
  const queries = useQueryClient();
  const mine = editsOf(section, edits);
  const save = useMutation({
    mutationFn: () => body(api.PATCH("/api/config", { body: part(patchOf(section, edits)) })),
    onSuccess: (saved) => {
      queries.setQueryData(CONFIG, saved);
      onEdits((now) => without(now, mine));
      say.done(t("settings.saved", { count: mine.length }));
      if (mine.includes("ui.language")) void speak(saved.settings.ui.language);
    },
    onError: (error) => {
      if (problemsOf(error).length === 0) say.failed(error);
    },
  });
  const problems = problemsOf(save.error);
  const elsewhere = problems.filter((problem) => !section.settings.some((setting) => setting.path === problem.path));
  const [name = section.path, about] = meanings[section.path] ?? [];

  /** The pages speak it now, also where another one was chosen in this browser. */
  async function speak(language: string): Promise<void> {
    if (!(language in LANGUAGES)) return;
    await proposeLanguage(language as Language);
    if (i18n.language !== language) await chooseLanguage(language as Language);
  }

  return (
    <section className="card settings-section" id={section.path} aria-labelledby={`${section.path}-name`}>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <header>
          <h2 id={`${section.path}-name`}>{name}</h2>
          <p className="soft">{about ?? section.about}</p>
        </header>
        {elsewhere.map((problem) => (
          <p className="field-problem" role="alert" key={problem.path}>
            {problem.path}: {problem.message}
          </p>
        ))}
        {settings.map((setting) => (
          <SettingField
            key={setting.path}
            setting={setting}
            name={meanings[setting.path]?.[0] ?? setting.path}
            about={meanings[setting.path]?.[1] ?? setting.about}
            value={valueAt(config.settings, setting.path)}
            otherwise={valueAt(config.defaults, setting.path)}
            source={config.sources[setting.path] ?? "default"}
            edit={edits[setting.path]}
            problem={problems.find((problem) => problem.path === setting.path)?.message}
            onEdit={(edit) =>
              onEdits((now) =>
                edit === undefined
                  ? without(now, [setting.path])
                  : edited(now, setting.path, edit, valueAt(config.settings, setting.path)),
              )
            }
          />
        ))}
        {mine.length > 0 ? (
          <div className="row-end settings-save">
            <Button
              onClick={() => {
                onEdits((now) => without(now, mine));
                save.reset();
              }}
            >
              {t("settings.discard")}
            </Button>
            <Button primary type="submit" disabled={save.isPending}>
              {t("settings.save", { count: mine.length })}
            </Button>
          </div>
        ) : null}
      </form>
    </section>
  );
}

/** The change of some settings: luna's document of its API cannot say that any part will do. */
function part(settings: Record<string, unknown>): components["schemas"]["ConfigBody"] {
  return { settings } as unknown as components["schemas"]["ConfigBody"];
}

function problemsOf(error: unknown): readonly { path: string; message: string }[] {
  return error instanceof ApiError ? error.fields : [];
}
