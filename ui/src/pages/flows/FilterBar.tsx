// Where a filter is written: checked while it is written, said in words, and in force as soon as it is right.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useId, useState, type RefObject } from "react";
import { useTranslation } from "react-i18next";

import { api, body } from "../../api/client";
import { Button } from "../../parts/Button";
import { Explained } from "./Explained";
import { begun } from "./filter";
import { OperatorHelp } from "./OperatorHelp";

/** Milliseconds of silence after which what was written is looked at. */
const PATIENCE = 250;

const QUICK = [
  ["all", ""],
  ["active", "~o active"],
  ["errors", "~e"],
  ["slow", "~d >30s"],
  ["hour", "~b <1h"],
] as const;

function useVerdict(text: string, live: boolean) {
  return useQuery({
    queryKey: ["flow-filter", live, text],
    queryFn: () => body(api.POST(live ? "/api/breakpoints/filter" : "/api/flows/filter", { body: { filter: text } })),
    staleTime: Infinity,
    placeholderData: keepPreviousData,
  });
}

interface Props {
  /** The filter in force. */
  filter: string;
  onFilter: (filter: string) => void;
  input: RefObject<HTMLInputElement | null>;
  /** It is about flows in progress, of which other things are known. */
  live?: boolean;
  /** Whether what stands there now is right, and in force. */
  onRight?: (right: boolean) => void;
}

export function FilterBar({ filter, onFilter, input, live = false, onRight }: Props) {
  const { t } = useTranslation();
  const id = useId();
  const [text, setText] = useState(filter);
  const [looked, setLooked] = useState(filter);
  // What this bar has put in force itself says nothing new to it; what comes from elsewhere is shown in it.
  const [applied, setApplied] = useState(filter);
  const [seen, setSeen] = useState(filter);
  if (filter !== seen) {
    setSeen(filter);
    if (filter !== applied) {
      setApplied(filter);
      setText(filter);
      setLooked(filter);
    }
  }

  useEffect(() => {
    const timer = setTimeout(() => setLooked(text), PATIENCE);
    return () => clearTimeout(timer);
  }, [text]);
  const verdict = useVerdict(looked, live);
  const said = verdict.isPlaceholderData ? undefined : verdict.data;
  const right = said?.valid === true;
  const wrong = verdict.data?.valid === false ? verdict.data : undefined;
  if (right && looked === text && text !== applied) setApplied(text);
  useEffect(() => {
    if (applied !== seen) onFilter(applied);
  }, [applied, seen, onFilter]);

  const inForce = right && looked === text;
  useEffect(() => onRight?.(inForce), [inForce, onRight]);

  function write(wanted: string): void {
    setText(wanted);
    setLooked(wanted);
  }

  return (
    <search className="filter">
      <form
        className="filter-line"
        onSubmit={(event) => {
          event.preventDefault();
          setLooked(text);
        }}
      >
        <label className="visually-hidden" htmlFor={id}>
          {t("flows.filter.label")}
        </label>
        <input
          id={id}
          ref={input}
          className="input mono"
          type="text"
          value={text}
          maxLength={1000}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          placeholder={live ? t("breakpoints.arm.placeholder") : t("flows.filter.placeholder")}
          aria-invalid={wrong ? true : undefined}
          aria-describedby={`${id}-said`}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape") event.currentTarget.blur();
          }}
        />
        {text ? <Button onClick={() => write("")}>{t("flows.filter.clear")}</Button> : null}
        <OperatorHelp
          input={input}
          live={live}
          onPick={(operator) => setText(begun(text, operator.letter, operator.value !== "nothing"))}
        />
      </form>
      <div className="filter-below">
        <p id={`${id}-said`} className="filter-said" role="status">
          {wrong ? (
            <span className="field-problem">
              {t("flows.filter.problem", {
                column: wrong.column ?? 1,
                problem: wrong.problem,
                expected: wrong.expected,
              })}{" "}
              {filter !== text && !live ? t("flows.filter.kept") : ""}
            </span>
          ) : (
            <Explained sayings={verdict.data?.sayings ?? []} />
          )}
        </p>
        <ul className="filter-quick" aria-label={t("flows.filter.quick")} hidden={live}>
          {(live ? [] : QUICK).map(([name, wanted]) => (
            <li key={name}>
              <button type="button" aria-pressed={filter === wanted} onClick={() => write(wanted)}>
                {t(`flows.filter.${name}`)}
              </button>
            </li>
          ))}
        </ul>
      </div>
    </search>
  );
}
