// The stages that a flow has passed, in the order in which the data met them, and what each changed.
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { components } from "../../api/schema";
import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Failed, Loading } from "../../parts/Empty";
import { useStage } from "./detail";
import type { Detail } from "./waterfall";

type Change = components["schemas"]["Change"];
type BatchChange = components["schemas"]["BatchChange"];
type Recording = components["schemas"]["RecordingView"];

const TONES = { added: "good", removed: "bad", changed: "warn" } as const;

function Diff({ text }: { text: string }) {
  return (
    <pre className="diff">
      {text.split("\n").map((line, at) => (
        <span key={`${at} ${line.slice(0, 20)}`} data-sign={line.slice(0, 1)}>
          {line}
          {"\n"}
        </span>
      ))}
    </pre>
  );
}

function OneChange({ change }: { change: Change }) {
  const { t } = useTranslation();
  const word = {
    added: "flows.stages.added",
    removed: "flows.stages.removed",
    changed: "flows.stages.changedOp",
  } as const;
  return (
    <li>
      <p className="row">
        <Badge tone={TONES[change.op]}>{t(word[change.op])}</Badge> <code>{change.path}</code>
        {change.cut ? <span className="soft">{t("flows.stages.cut")}</span> : null}
      </p>
      {change.diff ? <Diff text={change.diff} /> : null}
      {!change.diff && change.op !== "added" ? <Diff text={prefixed("-", change.before)} /> : null}
      {!change.diff && change.op !== "removed" ? <Diff text={prefixed("+", change.after)} /> : null}
    </li>
  );
}

function prefixed(sign: string, text: string): string {
  return text
    .split("\n")
    .map((line) => `${sign} ${line}`)
    .join("\n");
}

function OneBatch({ batch }: { batch: BatchChange }) {
  const { t } = useTranslation();
  const kept = new Set(batch.before.filter((line) => batch.after.includes(line)));
  const lines = [
    ...batch.before.filter((line) => !kept.has(line)).map((line) => `- ${line}`),
    ...batch.after.map((line) => (kept.has(line) ? `  ${line}` : `+ ${line}`)),
  ];
  return (
    <li>
      <p className="soft">{t("flows.stages.batch", { n: batch.n })}</p>
      <Diff text={lines.join("\n")} />
    </li>
  );
}

function Changes({ flow, stage }: { flow: string; stage: string }) {
  const { t } = useTranslation();
  const query = useStage(flow, stage);
  if (query.error) return <Failed error={query.error} onRetry={() => void query.refetch()} />;
  if (query.isPending) return <Loading />;
  const { changes, batches, more } = query.data;
  return (
    <>
      {changes.length + batches.length === 0 ? <p className="soft">{t("flows.stages.nothing")}</p> : null}
      <ul className="changes">
        {changes.map((change) => (
          <OneChange key={`${change.op} ${change.path}`} change={change} />
        ))}
        {batches.map((batch) => (
          <OneBatch key={batch.n} batch={batch} />
        ))}
      </ul>
      {more ? <p className="soft">{t("flows.stages.more")}</p> : null}
    </>
  );
}

export function Stages({ flow, detail, recording }: { flow: string; detail: Detail; recording: Recording }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const took = new Map(detail.stages.map(({ name, ms }) => [name, ms]));

  function toggle(name: string): void {
    const now = new Set(open);
    if (!now.delete(name)) now.add(name);
    setOpen(now);
  }

  return (
    <ol className="stages">
      {recording.stages.map((stage, at) => {
        const spent = took.get(stage.name);
        const shown = open.has(stage.name);
        const canShow = stage.changed || stage.side === "transport";
        const word =
          stage.side === "transport" ? "flows.stages.events" : shown ? "flows.stages.hide" : "flows.stages.show";
        return (
          <li key={stage.name} data-side={stage.side}>
            <div className="stage">
              <code className="stage-name">{stage.name}</code>
              <span className="soft">{t(`flows.stages.sides.${stage.side}`)}</span>
              {stage.side === "transport" ? null : (
                <Badge tone={stage.changed ? "good" : "plain"}>
                  {at === 0
                    ? t("flows.stages.made")
                    : stage.changed
                      ? t("flows.stages.changed")
                      : t("flows.stages.same")}
                </Badge>
              )}
              <span className="stage-time">
                {spent === undefined ? "" : `${t("flows.stages.took")} ${spent.toFixed(2)} ms · `}
                {t("flows.stages.left")} {stage.atMs.toFixed(1)} ms
              </span>
              {canShow ? (
                <Button quiet aria-expanded={shown} onClick={() => toggle(stage.name)}>
                  {t(word, { stage: stage.name })}
                </Button>
              ) : null}
            </div>
            {shown ? <Changes flow={flow} stage={stage.name} /> : null}
          </li>
        );
      })}
    </ol>
  );
}
