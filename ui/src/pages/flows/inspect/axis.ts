// The time axis of a flow as rows of bars and ticks, within a window of it. Pure. Milliseconds since the flow was born.
import type { components } from "../../../api/schema";

export type Timeline = components["schemas"]["TimelineView"];
type Span = components["schemas"]["SpanView"];
type Lane = components["schemas"]["LaneView"];

export interface Window {
  from: number;
  to: number;
}

export interface Bar {
  kind: Span["kind"];
  name: string;
  from: number;
  to: number;
}

export type RowKind = "stages" | "queue" | "exchange" | "batches" | "held" | "settle" | "answer";

export interface Row {
  key: string;
  kind: RowKind;
  /** A stage's name, or the request of an exchange. */
  name: string;
  bars: readonly Bar[];
  ticks: Lane["marks"];
  /** Reads, batches or sends in all. */
  total: number;
}

const CLOSEST = 0.05;
const ORDER: readonly RowKind[] = ["stages", "queue", "exchange", "batches", "held", "settle", "answer"];
const ROW: Record<Span["kind"], RowKind> = {
  stage: "stages",
  queue: "queue",
  chat: "exchange",
  upload: "exchange",
  completion: "exchange",
  stop: "exchange",
  exchange: "exchange",
  "first-byte": "exchange",
  held: "held",
  settle: "settle",
  answer: "answer",
};

function keyOf(span: Span): string {
  const kind = ROW[span.kind];
  if (kind === "exchange") return `exchange ${span.exchange}`;
  return kind === "held" ? `held ${span.name}` : kind;
}

export function rowsOf({ spans, lanes, batches }: Timeline): Row[] {
  const rows = new Map<string, Row & { bars: Bar[] }>();
  function row(key: string, kind: RowKind, name: string): Row & { bars: Bar[] } {
    const found = rows.get(key) ?? { key, kind, name, bars: [], ticks: [], total: 0 };
    rows.set(key, found);
    return found;
  }
  for (const span of spans) {
    const kind = ROW[span.kind];
    const name = kind === "exchange" || kind === "held" ? span.name : "";
    row(keyOf(span), kind, name).bars.push({ kind: span.kind, name: span.name, from: span.atMs, to: span.endMs });
  }
  for (const lane of lanes) {
    if (lane.kind === "batches" && batches === 0) continue;
    const [key, kind] =
      lane.kind === "reads"
        ? ([`exchange ${lane.exchange}`, "exchange"] as const)
        : lane.kind === "sends"
          ? (["answer", "answer"] as const)
          : (["batches", "batches"] as const);
    if (lane.kind === "sends" && lane.total === 0) continue;
    const found = row(key, kind, "");
    found.ticks = lane.marks;
    found.total = lane.total;
  }
  return [...rows.values()].sort((one, other) => ORDER.indexOf(one.kind) - ORDER.indexOf(other.kind));
}

/** Where a moment stands in the window, in percent. */
export function place(at: number, { from, to }: Window): number {
  return ((at - from) / Math.max(CLOSEST, to - from)) * 100;
}

/** A bar as far as it lies in the window; null where it does not. */
export function visible({ from, to }: Bar, window: Window): { start: number; width: number } | null {
  if (to < window.from || from > window.to) return null;
  const start = Math.max(0, place(from, window));
  return { start, width: Math.max(0, Math.min(100, place(to, window)) - start) };
}

/** All ticks of a row as one path in a box of 1000 × 10. */
export function path(ticks: Lane["marks"], window: Window): string {
  return ticks
    .filter(({ atMs }) => atMs >= window.from && atMs <= window.to)
    .map(({ atMs }) => `M${(place(atMs, window) * 10).toFixed(1)} 0V10`)
    .join("");
}

/** Closer to (or further from) a moment, by a factor, within the whole. */
export function zoomed(window: Window, around: number, factor: number, whole: number): Window {
  const size = Math.min(whole, Math.max(CLOSEST, (window.to - window.from) * factor));
  const share = Math.min(1, Math.max(0, (around - window.from) / Math.max(CLOSEST, window.to - window.from)));
  const from = Math.min(Math.max(0, around - share * size), Math.max(0, whole - size));
  return { from, to: from + size };
}

/** The batch that came last at a moment; 0 before the first. */
export function batchAt(rows: readonly Row[], at: number): number {
  const ticks = rows.find(({ kind }) => kind === "batches")?.ticks ?? [];
  let found = 0;
  for (const tick of ticks) {
    if (tick.atMs > at) break;
    const share = tick.endMs > tick.atMs ? Math.min(1, (at - tick.atMs) / (tick.endMs - tick.atMs)) : 1;
    found = tick.number + Math.floor(share * (tick.count - 1));
  }
  return found;
}
