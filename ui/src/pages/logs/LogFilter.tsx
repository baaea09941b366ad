// Which lines are wanted: levels as switches, words, one flow.
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { Button } from "../../parts/Button";
import { Field } from "../../parts/Field";
import { LEVELS, type Filter, type Level } from "./lines";

interface Props {
  filter: Filter;
  onLevels: (levels: readonly Level[]) => void;
  onText: (text: string) => void;
  onFlow: (flow: string) => void;
}

export function LogFilter({ filter, onLevels, onText, onFlow }: Props) {
  const { t } = useTranslation();
  return (
    <div className="logs-filter">
      <div className="logs-levels" role="group" aria-label={t("logs.levels")}>
        {LEVELS.map((level) => {
          const on = filter.levels.includes(level);
          return (
            <Button
              key={level}
              className="logs-toggle"
              aria-pressed={on}
              onClick={() => onLevels(LEVELS.filter((one) => (one === level ? !on : filter.levels.includes(one))))}
            >
              {level}
            </Button>
          );
        })}
      </div>
      <Slowly label={t("logs.search")} value={filter.text} onChange={onText} />
      <Slowly label={t("logs.flow")} value={filter.flow} onChange={onFlow} />
    </div>
  );
}

/** A field that tells what was typed once the typing rests. */
function Slowly({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  const [typed, setTyped] = useState(value);
  const [known, setKnown] = useState(value);
  const change = useRef(onChange);
  useEffect(() => {
    change.current = onChange;
  }, [onChange]);
  if (value !== known) {
    setKnown(value);
    setTyped(value);
  }
  useEffect(() => {
    if (typed === known) return;
    const rest = setTimeout(() => change.current(typed), 250);
    return () => clearTimeout(rest);
  }, [typed, known]);
  return (
    <Field label={label}>
      {(field) => (
        <input
          {...field}
          type="search"
          value={typed}
          spellCheck={false}
          onChange={(event) => setTyped(event.target.value)}
        />
      )}
    </Field>
  );
}
