// A recorded flow at any moment: the time axis, the boundaries, what was there, the bytes before and after; and again.
import { useState, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";

import { Button } from "../../../parts/Button";
import { useAddress } from "../../../parts/address";
import { Empty, Failed, Loading } from "../../../parts/Empty";
import type { Detail } from "../waterfall";
import type { Timeline, Window } from "./axis";
import { Boundaries } from "./Boundaries";
import { Content } from "./Content";
import { Replay } from "./Replay";
import { Result } from "./Result";
import { Story } from "./Story";
import { TimeAxis } from "./TimeAxis";
import { useBoundary, useSpot, useTimeline, type Comparison } from "./useInspect";
import "./inspect.css";

export default function Inspect({ detail }: { detail: Detail }) {
  const { t } = useTranslation();
  const [search, change] = useAddress();
  const [result, setResult] = useState<Comparison | null>(null);
  const flow = detail.run.id;
  const replay = search.get("of") ?? "";

  function show(id: string): void {
    change({ of: id, at: null, n: null });
  }

  if (!detail.recording)
    return (
      <Empty title={t("inspect.none")}>
        <p>{detail.recordingProblem || t("inspect.noneAbout")}</p>
      </Empty>
    );
  const shown = replay || flow;
  const mine = result?.before.id === flow || result?.before.id === replay ? result : null;
  return (
    <div className="inspect">
      {replay ? (
        <p className="inspect-bar" role="status">
          <span>{t("inspect.showsReplay")}</span>
          <Button onClick={() => show("")}>{t("inspect.backToFlow")}</Button>
        </p>
      ) : null}
      {mine ? <Result result={mine} onOpen={show} onClose={() => setResult(null)} /> : null}
      <Opened key={shown} id={shown} onResult={setResult} />
    </div>
  );
}

function Opened({ id, onResult }: { id: string; onResult: (result: Comparison) => void }) {
  const { t } = useTranslation();
  const [window, setWindow] = useState<Window | null>(null);
  const whole = useTimeline(id, null);
  const part = useTimeline(id, window);
  const told = whole.data;
  const [spot, move] = useSpot(told);
  if (whole.error) return <Failed error={whole.error} onRetry={() => void whole.refetch()} />;
  if (!told) return <Loading />;
  const boundary = told.boundaries.find(({ name }) => name === spot.at);
  return (
    <Steps told={told} spot={spot} move={move}>
      <div className="inspect-bar">
        <Turns told={told} spot={spot} move={move} />
        <span className="row">
          {told.firstChange ? (
            <Button
              onClick={() => {
                const first = told.firstChange;
                if (first) move({ at: first.boundary, n: first.batch || 1 });
              }}
            >
              {t("inspect.firstChange")}
            </Button>
          ) : (
            <span className="soft">{t("inspect.noChange")}</span>
          )}
          <Replay id={id} told={told} onDone={onResult} />
        </span>
      </div>
      <Axis
        id={id}
        told={told}
        part={part.data ?? told}
        window={window ?? { from: 0, to: Math.max(0.05, told.lengthMs) }}
        spot={spot}
        move={move}
        onWindow={setWindow}
      />
      <div className="inspect-panes">
        <Boundaries told={told} at={spot.at} onChoose={(name) => move({ at: name })} />
        {boundary ? <Content id={id} boundary={boundary} n={spot.n} onBatch={(n) => move({ n })} /> : null}
      </div>
      {boundary && boundary.side !== "request" && spot.n > 0 ? (
        <Story id={id} n={spot.n} at={spot.at} onBoundary={(name) => move({ at: name })} />
      ) : null}
    </Steps>
  );
}

interface Moving {
  told: Timeline;
  spot: { at: string; n: number };
  move: (next: { at?: string; n?: number }) => void;
}

function boundaryBeside({ told, spot }: Pick<Moving, "told" | "spot">, step: number): string | undefined {
  const at = told.boundaries.findIndex(({ name }) => name === spot.at);
  return told.boundaries[at + step]?.name;
}

/** Left and right go from boundary to boundary; up and down, which tables know too, from batch to batch. */
function Steps({ told, spot, move, children }: Moving & { children: React.ReactNode }) {
  function onKeyDown(event: KeyboardEvent): void {
    const busy = event.target instanceof Element && event.target.closest("input, select, textarea, [role=dialog]");
    if (busy || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const boundary = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const batch = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (boundary !== undefined) {
      const name = boundaryBeside({ told, spot }, boundary);
      if (name !== undefined) move({ at: name });
    } else if (batch !== undefined && told.batches > 0) {
      move({ n: Math.min(told.batches, Math.max(1, spot.n + batch)) });
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
  return (
    // eslint-disable-next-line jsx-a11y/no-static-element-interactions -- every step has a button of its own
    <div className="inspect-steps-area" onKeyDown={onKeyDown}>
      {children}
    </div>
  );
}

function Turns({ told, spot, move }: Moving) {
  const { t } = useTranslation();
  const before = boundaryBeside({ told, spot }, -1);
  const after = boundaryBeside({ told, spot }, 1);
  return (
    <span className="row" role="group" aria-label={t("inspect.step")}>
      <Button disabled={before === undefined} onClick={() => (before === undefined ? undefined : move({ at: before }))}>
        ← {t("inspect.boundary")}
      </Button>
      <Button disabled={after === undefined} onClick={() => (after === undefined ? undefined : move({ at: after }))}>
        {t("inspect.boundary")} →
      </Button>
      <Button disabled={spot.n <= 1} onClick={() => move({ n: spot.n - 1 })}>
        ↑ {t("inspect.batch")}
      </Button>
      <Button disabled={spot.n >= told.batches} onClick={() => move({ n: spot.n + 1 })}>
        {t("inspect.batch")} ↓
      </Button>
      <span className="soft" role="status">
        {told.batches > 0 ? t("inspect.position", { stage: spot.at, n: spot.n, total: told.batches }) : spot.at}
      </span>
    </span>
  );
}

interface AxisProps extends Moving {
  id: string;
  part: Timeline;
  window: Window;
  onWindow: (window: Window | null) => void;
}

function Axis({ id, told, part, window, spot, move, onWindow }: AxisProps) {
  const boundary = told.boundaries.find(({ name }) => name === spot.at);
  const events = told.boundaries.find(({ side }) => side === "transport")?.name ?? "";
  const page = useBoundary(id, boundary?.side === "request" ? "" : events, spot.n);
  const batch = page.data?.batches.find(({ n }) => n === spot.n);
  const here = boundary?.side === "request" ? boundary.atMs : (batch?.atMs ?? boundary?.atMs ?? 0);
  return (
    <TimeAxis
      told={part}
      window={window}
      here={here}
      n={spot.n}
      onWindow={onWindow}
      onBatch={(n) => move(boundary?.side === "request" ? { at: events, n } : { n })}
    />
  );
}
