// When what happened to one flow, as bars on one axis. Pure. Milliseconds since the flow was born.
import type { components } from "../../api/schema";

export type Detail = components["schemas"]["FlowDetail"];

export type BarKind = "stage" | "queue" | "upstream" | "client";

export interface Bar {
  /** Of a stage or a request its own name; of the others what the texts call it. */
  name: string;
  kind: BarKind;
  from: number;
  to: number;
  /** Something that happened in between: the first byte. */
  mark: number | null;
}

export interface Waterfall {
  bars: readonly Bar[];
  /** The end of the axis. */
  end: number;
  /** When the first token came, where one did. */
  first: number | null;
}

function known(value: number | null | undefined): value is number {
  return value !== null && value !== undefined;
}

/** Request stages: when each had done its work says the recording; without one they stand one behind the other. */
function stages({ stages: times, recording }: Detail): Bar[] {
  const left = new Map((recording?.stages ?? []).map((stage) => [stage.name, stage.atMs]));
  let end = 0;
  return times.map(({ name, ms }) => {
    const to = left.get(name) ?? end + ms;
    end = to;
    return { name, kind: "stage", from: Math.max(0, to - ms), to, mark: null };
  });
}

function queue({ run }: Detail): Bar[] {
  if (!known(run.queueMs) || run.queueMs <= 0 || !known(run.queuedAt)) return [];
  const from = Math.max(0, run.queuedAt - run.createdAt);
  return [{ name: "", kind: "queue", from, to: from + run.queueMs, mark: null }];
}

function upstream({ run, recording }: Detail): Bar[] {
  if (recording) {
    return recording.exchanges.map(({ request, response }) => ({
      name: shortened(request.line),
      kind: "upstream",
      from: request.atMs ?? 0,
      to: response.endMs ?? response.atMs ?? request.atMs ?? 0,
      mark: response.line ? (response.atMs ?? null) : null,
    }));
  }
  const begun = known(run.startedAt) ? run.startedAt - run.createdAt : null;
  const end = known(run.durationMs) ? run.durationMs : null;
  if (begun === null || end === null) return [];
  return [{ name: "", kind: "upstream", from: begun, to: Math.max(begun, end), mark: run.firstEventMs ?? null }];
}

function client({ recording }: Detail): Bar[] {
  const answer = recording?.answer;
  if (!answer || !known(answer.atMs)) return [];
  return [{ name: "", kind: "client", from: answer.atMs, to: Math.max(answer.atMs, answer.endMs ?? 0), mark: null }];
}

/** `POST https://host/path?query` without the host and the query. */
export function shortened(line: string): string {
  const [method = "", address = ""] = line.split(" ", 2);
  return `${method} ${address.replace(/^[a-z]+:\/\/[^/]*/u, "").replace(/\?.*$/u, "")}`.trim();
}

export function waterfall(detail: Detail): Waterfall {
  const bars = [...stages(detail), ...queue(detail), ...upstream(detail), ...client(detail)];
  const ends = [detail.run.durationMs ?? 0, detail.recording?.endMs ?? 0, ...bars.map((bar) => bar.to)];
  return { bars, end: Math.max(1, ...ends), first: detail.run.firstEventMs ?? null };
}
