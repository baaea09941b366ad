// A flow as one row: its shape with nothing missing, and the list that pages and live news make together. Pure.
import type { components } from "../../api/schema";
import type { Tone } from "../../parts/Badge";

type Sent = components["schemas"]["RunRow"];
export type Row = Required<Sent>;

export const STATUSES = [
  "queued",
  "running",
  "streaming",
  "completed",
  "failed",
  "cancelled",
  "client-gone",
  "interrupted",
] as const;
export type Status = (typeof STATUSES)[number];

const TONES: Record<Status, Tone> = {
  queued: "warn",
  running: "info",
  streaming: "info",
  completed: "good",
  failed: "bad",
  cancelled: "plain",
  "client-gone": "plain",
  interrupted: "bad",
};

const EMPTY: Omit<Row, "id" | "status" | "createdAt"> = {
  model: "",
  target: "",
  accountId: "",
  sessionId: "",
  client: "",
  agent: "",
  route: "",
  protocol: "",
  stream: false,
  preview: "",
  tools: [],
  queueReason: "",
  queueMs: null,
  firstEventMs: null,
  durationMs: null,
  inputTokens: null,
  outputTokens: null,
  bytesIn: null,
  attempts: 1,
  reasks: 0,
  errorKind: "",
  httpStatus: null,
  recorded: false,
};

/** luna leaves out what is as usual. */
export function rowOf(sent: Sent): Row {
  return { ...EMPTY, ...sent };
}

/** The row that an event of the topic `runs` tells, if it tells one. */
export function rowIn(data: unknown): Row | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const { id, status, createdAt } = data as Partial<Sent>;
  return typeof id === "string" && typeof status === "string" && typeof createdAt === "number"
    ? rowOf(data as Sent)
    : undefined;
}

export function statusOf(row: { status: string }): Status {
  return STATUSES.find((status) => status === row.status) ?? "interrupted";
}

export function toneOf(row: { status: string }): Tone {
  return TONES[statusOf(row)];
}

export function isActive(row: { status: string }): boolean {
  return row.status === "queued" || row.status === "running" || row.status === "streaming";
}

/** Newest first. */
function before(one: Row, other: Row): boolean {
  return one.createdAt === other.createdAt ? one.id > other.id : one.createdAt > other.createdAt;
}

/** What has changed since the pages were read: the row as it is now, or null where it is no longer in the list. */
export type Changes = ReadonlyMap<string, Row | null>;

/** The later of two states of one flow: an end is never left again. */
export function later(known: Row, news: Row): Row {
  return !isActive(known) && isActive(news) ? known : news;
}

/** Pages and news together. `whole`: there are no more pages; otherwise what is older than their end waits for them. */
export function merged(pages: readonly Row[], changes: Changes, whole: boolean): readonly Row[] {
  if (changes.size === 0) return pages;
  const known = new Set<string>();
  const rows: Row[] = [];
  for (const row of pages) {
    known.add(row.id);
    const news = changes.get(row.id);
    if (news !== null) rows.push(news ? later(row, news) : row);
  }
  const end = pages.at(-1);
  const fresh = [...changes.values()].filter(
    (row): row is Row => row !== null && !known.has(row.id) && (whole || !end || before(row, end)),
  );
  if (fresh.length === 0) return rows;
  fresh.sort((one, other) => (before(one, other) ? -1 : 1));
  const together: Row[] = [];
  let next = 0;
  for (const row of rows) {
    for (let added = fresh[next]; added && before(added, row); added = fresh[next]) {
      together.push(added);
      next += 1;
    }
    together.push(row);
  }
  return [...together, ...fresh.slice(next)];
}
