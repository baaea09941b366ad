// The lines that are shown: what was fetched, what came since, and what waits while nobody wants to see more. Pure.
import type { components } from "../../api/schema";

type View = components["schemas"]["LogView"];
/** One line. luna leaves out what is empty. */
export type Line = Omit<View, "flow" | "fields"> & Partial<Pick<View, "flow">> & { fields?: Record<string, unknown> };

export const LEVELS = ["debug", "info", "warning", "error"] as const;
export type Level = (typeof LEVELS)[number];

export interface Filter {
  levels: readonly Level[];
  text: string;
  flow: string;
}

/** Lines kept in the page; older ones can be fetched again. */
export const KEPT = 5000;

export interface Lines {
  /** The oldest first. */
  shown: readonly Line[];
  /** Came while paused, the oldest first. */
  waiting: readonly Line[];
  /** Came while paused and was more than is kept. */
  missed: number;
  /** Where older lines go on; "" where there are none. */
  older: string;
}

export const NONE: Lines = { shown: [], waiting: [], missed: 0, older: "" };

/** The same question that luna answers for `GET /api/logs`. */
export function fits(line: Line, { levels, text, flow }: Filter): boolean {
  if (!levels.some((level) => level === line.level)) return false;
  if (flow && line.flow !== flow) return false;
  if (!text.trim()) return true;
  const traceback = line.fields?.["traceback"];
  const whole = typeof traceback === "string" ? `${line.message}\n${traceback}` : line.message;
  return whole.toLowerCase().includes(text.trim().toLowerCase());
}

/** A page of older lines, the newest first, as luna sends it. What came meanwhile stays behind it. */
export function withOlder(lines: Lines, page: readonly Line[], older: string): Lines {
  const first = lines.shown[0]?.id ?? Infinity;
  const fresh = page.filter((line) => line.id < first).reverse();
  return { ...lines, shown: [...fresh, ...lines.shown], older };
}

/** A batch of new lines. */
export function withNew(lines: Lines, batch: readonly Line[], filter: Filter, paused: boolean): Lines {
  const last = (lines.waiting.at(-1) ?? lines.shown.at(-1))?.id ?? -Infinity;
  const fresh = batch.filter((line) => line.id > last && fits(line, filter));
  if (fresh.length === 0) return lines;
  if (!paused) return { ...lines, ...bounded([...lines.shown, ...fresh], lines.older) };
  const waiting = [...lines.waiting, ...fresh];
  const over = Math.max(0, waiting.length - KEPT);
  return { ...lines, waiting: waiting.slice(over), missed: lines.missed + over };
}

/** What waited is shown. */
export function resumed(lines: Lines): Lines {
  // After a gap, only what is behind it is one piece.
  const before = lines.missed > 0 ? [] : lines.shown;
  const all = [...before, ...lines.waiting];
  const older = lines.missed > 0 ? String(all[0]?.id ?? "") : lines.older;
  return { ...bounded(all, older), waiting: [], missed: 0 };
}

function bounded(shown: readonly Line[], older: string): Pick<Lines, "shown" | "older"> {
  if (shown.length <= KEPT) return { shown, older };
  const kept = shown.slice(-KEPT);
  return { shown: kept, older: String(kept[0]?.id ?? "") };
}
