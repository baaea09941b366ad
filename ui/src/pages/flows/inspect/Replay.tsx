// How to run a flow again: by which level, pipeline and options, how fast.
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { ApiError } from "../../../api/client";
import { useMayChange } from "../../../app/opened";
import { Button } from "../../../parts/Button";
import { Dialog } from "../../../parts/Dialog";
import { Field } from "../../../parts/Field";
import { useToast } from "../../../parts/Toast";
import type { Timeline } from "./axis";
import { replay, usePipelineNames, type Comparison, type ReplayBody } from "./useInspect";

type Level = NonNullable<ReplayBody["level"]>;

const LEVELS = ["upstream", "events", "request"] as const;

interface Props {
  id: string;
  told: Timeline;
  onDone: (result: Comparison) => void;
}

export function Replay({ id, told, onDone }: Props) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button primary onClick={() => setOpen(true)}>
        {t("inspect.replay.open")}
      </Button>
      <Dialog
        title={t("inspect.replay.title")}
        about={t("inspect.replay.about")}
        open={open}
        onClose={() => setOpen(false)}
      >
        <Form
          id={id}
          told={told}
          onDone={(result) => {
            setOpen(false);
            onDone(result);
          }}
        />
      </Dialog>
    </>
  );
}

function Form({ id, told, onDone }: Props) {
  const { t } = useTranslation();
  const say = useToast();
  const pipelines = usePipelineNames();
  const mayAsk = useMayChange();
  const stages = told.boundaries.filter(({ side }) => side !== "request").map(({ name }) => name);
  const levels = LEVELS.filter((each) => (each === "request" ? mayAsk : each !== "events" || stages.length > 0));
  const [level, setLevel] = useState<Level>("upstream");
  const [from, setFrom] = useState(stages[0] ?? "");
  const [pipeline, setPipeline] = useState("");
  const [options, setOptions] = useState("");
  const [asItWas, setAsItWas] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ApiError | null>(null);

  async function run(): Promise<void> {
    setBusy(true);
    setProblem(null);
    const lines = options.split("\n").map((line) => line.trim());
    try {
      onDone(
        await replay(id, {
          level,
          pipeline,
          from: level === "events" ? from : "",
          options: lines.filter((line) => line !== ""),
          speed: asItWas ? 1 : 0,
        }),
      );
    } catch (error) {
      if (error instanceof ApiError) setProblem(error);
      else say.failed(error);
    } finally {
      setBusy(false);
    }
  }

  function submit(event: SyntheticEvent): void {
    event.preventDefault();
    if (!busy) void run();
  }

  const wrong = problem ? [problem.message, problem.hint].filter(Boolean).join(" ") : "";
  return (
    <form className="inspect-form" onSubmit={submit}>
      <Field label={t("inspect.replay.level")} about={t(`inspect.replay.levels.${level}About`)}>
        {(control) => (
          <select {...control} value={level} onChange={(event) => setLevel(event.target.value as Level)}>
            {levels.map((each) => (
              <option key={each} value={each}>
                {t(`inspect.replay.levels.${each}`)}
              </option>
            ))}
          </select>
        )}
      </Field>
      {level === "events" ? (
        <Field label={t("inspect.replay.from")}>
          {(control) => (
            <select {...control} value={from} onChange={(event) => setFrom(event.target.value)}>
              {stages.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          )}
        </Field>
      ) : null}
      <Field label={t("inspect.replay.pipeline")}>
        {(control) => (
          <select {...control} value={pipeline} onChange={(event) => setPipeline(event.target.value)}>
            <option value="">{t("inspect.replay.asRouted")}</option>
            {(pipelines.data ?? []).map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        )}
      </Field>
      <Field label={t("inspect.replay.options")} about={t("inspect.replay.optionsAbout")}>
        {(control) => (
          <textarea
            {...control}
            rows={3}
            spellCheck={false}
            placeholder="limit.max-tokens=20"
            value={options}
            onChange={(event) => setOptions(event.target.value)}
          />
        )}
      </Field>
      {level === "request" ? null : (
        <label className="row">
          <input type="checkbox" checked={asItWas} onChange={(event) => setAsItWas(event.target.checked)} />
          {t("inspect.replay.asFast")}
        </label>
      )}
      {wrong ? (
        <p className="field-problem" role="alert">
          {wrong}
        </p>
      ) : null}
      <div className="row-end">
        <Button primary type="submit" disabled={busy}>
          {busy ? t("inspect.replay.busy") : t("inspect.replay.run")}
        </Button>
      </div>
    </form>
  );
}
