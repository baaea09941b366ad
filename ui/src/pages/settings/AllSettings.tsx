// Every setting, in sections, with a search; what is not saved yet, and the question before it is lost.
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useAddress } from "../../parts/address";
import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Empty, Failed, Loading } from "../../parts/Empty";
import { Unsaved } from "../../parts/editor/Unsaved";
import { Field } from "../../parts/Field";
import { useConfig, useMeanings, useSections, type Config } from "./config";
import type { Edits } from "./edits";
import { valueAt, type Section, type Setting } from "./schema";
import { SettingSection } from "./SettingSection";
import type { Known } from "../../i18n/meanings";

export function AllSettings() {
  const config = useConfig();
  const sections = useSections();
  const meanings = useMeanings();
  const error = config.error ?? sections.error;
  if (error) {
    return (
      <Failed
        error={error}
        onRetry={() => {
          void config.refetch();
          void sections.refetch();
        }}
      />
    );
  }
  if (!config.data || !sections.data || !meanings) return <Loading />;
  return <Sections config={config.data} sections={sections.data} meanings={meanings} />;
}

function Sections({ config, sections, meanings }: { config: Config; sections: readonly Section[]; meanings: Known }) {
  const { t } = useTranslation();
  const [query, change] = useAddress();
  const [edits, setEdits] = useState<Edits>({});
  const wanted = query.get("q") ?? "";
  const onlyChanged = query.get("changed") === "1";
  const changed = (setting: Setting) =>
    valueAt(config.settings, setting.path) !== valueAt(config.defaults, setting.path);
  const fits = (setting: Setting, section: Section) =>
    (!onlyChanged || changed(setting)) && matches(wanted, setting, section, meanings);
  const shown = sections
    .map((section) => ({ section, settings: section.settings.filter((setting) => fits(setting, section)) }))
    .filter(({ settings }) => settings.length > 0);
  const count = sections.flatMap((section) => section.settings).filter(changed).length;

  return (
    <div className="settings">
      <Unsaved
        unsaved={Object.keys(edits).length > 0}
        subject={({ pathname, search }) => `${pathname} ${new URLSearchParams(search).get("tab") ?? ""}`}
      />
      <div className="settings-side">
        <Field label={t("settings.find")}>
          {(field) => (
            <input {...field} type="search" value={wanted} onChange={(event) => change({ q: event.target.value })} />
          )}
        </Field>
        <label className="settings-only">
          <input
            type="checkbox"
            checked={onlyChanged}
            onChange={(event) => change({ changed: event.target.checked ? "1" : null })}
          />
          {t("settings.onlyChanged", { count })}
        </label>
        <nav aria-label={t("settings.sections")}>
          <ul>
            {shown.map(({ section }) => (
              <li key={section.path}>
                <a href={`#${section.path}`}>{meanings[section.path]?.[0] ?? section.path}</a>
              </li>
            ))}
          </ul>
        </nav>
      </div>
      <div className="settings-main">
        <p className="soft">{t("settings.about")}</p>
        <Problems config={config} />
        {shown.map(({ section, settings }) => (
          <SettingSection
            key={section.path}
            section={section}
            settings={settings}
            config={config}
            meanings={meanings}
            edits={edits}
            onEdits={setEdits}
          />
        ))}
        {shown.length === 0 ? (
          <Empty title={t("settings.none")}>
            <Button onClick={() => change({ q: null, changed: null })}>{t("common.clearFilter")}</Button>
          </Empty>
        ) : null}
      </div>
    </div>
  );
}

function matches(wanted: string, setting: Setting, section: Section, meanings: Known): boolean {
  const text = [
    setting.path,
    setting.about,
    ...(meanings[setting.path] ?? []),
    ...(meanings[section.path] ?? []),
    ...setting.choices,
  ];
  const whole = text.join(" ").toLowerCase();
  return wanted
    .toLowerCase()
    .split(/\s+/)
    .every((word) => whole.includes(word));
}

function Problems({ config }: { config: Config }) {
  const { t } = useTranslation();
  if (config.problems.length === 0) return null;
  return (
    <section className="settings-problems" role="alert">
      <h2>
        <Badge tone="bad">{t("settings.problems")}</Badge>
      </h2>
      <p>{t("settings.problemsAbout")}</p>
      <ul>
        {config.problems.map((problem) => (
          <li key={`${problem.path} ${problem.message}`}>
            <code>{problem.path}</code> {problem.message}
          </li>
        ))}
      </ul>
    </section>
  );
}
