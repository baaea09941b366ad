// Arming a breakpoint: where, which flows, for how long, how often. The filter is the one of the Flows page.
import { useCallback, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { ApiError } from "../../api/client";
import { Button } from "../../parts/Button";
import { Field } from "../../parts/Field";
import { useToast } from "../../parts/Toast";
import { FilterBar } from "../flows/FilterBar";
import "../flows/flows.css";
import { useArm, useBoundaries } from "./breakpoints";

const LIMIT = 120;
const LONGEST = 3600;

export function Arm() {
  const { t } = useTranslation();
  const boundaries = useBoundaries();
  const arm = useArm();
  const say = useToast();
  const input = useRef<HTMLInputElement>(null);
  const [boundary, setBoundary] = useState("");
  const [filter, setFilter] = useState("");
  const [right, setRight] = useState(true);
  const [limit, setLimit] = useState(String(LIMIT));
  const [repeated, setRepeated] = useState(false);
  const [whole, setWhole] = useState(false);
  const taken = useCallback((wanted: string) => setFilter(wanted), []);
  const seconds = Number(limit);
  const possible = right && seconds >= 1 && seconds <= LONGEST;
  const problem = arm.error instanceof ApiError ? arm.error : null;

  async function make(): Promise<void> {
    try {
      await arm.mutateAsync({ boundary, filter, limitMs: Math.round(seconds * 1000), repeated, whole });
      say.done(t("breakpoints.arm.armed"));
    } catch (error) {
      if (!(error instanceof ApiError && error.param === "boundary")) say.failed(error);
    }
  }

  return (
    <section className="card arm" aria-labelledby="arm">
      <h2 id="arm">{t("breakpoints.arm.title")}</h2>
      <Field
        label={t("breakpoints.arm.where")}
        about={t("breakpoints.arm.whereAbout")}
        problem={problem?.param === "boundary" ? `${problem.message} ${problem.hint}` : ""}
      >
        {(field) => (
          <select {...field} value={boundary} onChange={(event) => setBoundary(event.target.value)}>
            <option value="">{t("breakpoints.arm.any")}</option>
            {boundaries.data?.map((one) => (
              <option key={`${one.side} ${one.name}`} value={one.name}>
                {t(`breakpoints.arm.${one.side}`, { name: one.name })}
              </option>
            ))}
          </select>
        )}
      </Field>
      <div className="arm-filter">
        <strong>{t("breakpoints.arm.filter")}</strong>
        <FilterBar live filter={filter} onFilter={taken} onRight={setRight} input={input} />
      </div>
      <div className="arm-how">
        <Field label={t("breakpoints.arm.limit")}>
          {(field) => (
            <input
              {...field}
              type="number"
              min={1}
              max={LONGEST}
              value={limit}
              onChange={(event) => setLimit(event.target.value)}
            />
          )}
        </Field>
        <label className="arm-check">
          <input type="checkbox" checked={repeated} onChange={(event) => setRepeated(event.target.checked)} />
          {t("breakpoints.arm.repeated")}
        </label>
        <label className="arm-check">
          <input type="checkbox" checked={whole} onChange={(event) => setWhole(event.target.checked)} />
          {t("breakpoints.arm.whole")}
        </label>
      </div>
      <div className="row-end">
        <Button primary disabled={!possible || arm.isPending} onClick={() => void make()}>
          {t("breakpoints.arm.arm")}
        </Button>
      </div>
    </section>
  );
}
