// What the figures of a while come to, and the filters that show the flows behind them. Pure.
import type { components } from "../../api/schema";
import type { Series } from "../../parts/Chart";
import { flowsPath, term, within } from "../flows/filter";

export type Overview = components["schemas"]["Overview"];
export type Sum = components["schemas"]["Sum"];

export const RANGES = [15, 60, 180, 1440, 10080] as const;
export type Range = (typeof RANGES)[number];

export function rangeOf(text: string | null): Range {
  return RANGES.find((minutes) => String(minutes) === text) ?? 60;
}

/** The flows of a while, as a filter: younger than so many minutes. */
export function lately(minutes: number, more = ""): string {
  const age = minutes % 1440 === 0 ? `${minutes / 1440}d` : minutes % 60 === 0 ? `${minutes / 60}h` : `${minutes}m`;
  return more ? `~b <${age} & ${more}` : `~b <${age}`;
}

export const FAILED = "(~o failed | ~o interrupted)";

/** Those that took longer than so many milliseconds to their first token. */
export function slowerThan(milliseconds: number): string {
  return `~f >=${Math.floor(milliseconds)}ms`;
}

export function ofKind(kind: string): string {
  return term("e", kind);
}

/** Requests of the last minute that is over; null where a moment is not a minute. */
export function lastMinute({ series, widthSeconds }: Overview): number | null {
  return widthSeconds === 60 ? (series.requests.at(-2) ?? null) : null;
}

/** The flows behind one moment of a chart. Seconds since the epoch. */
export function ofMoment(moment: number, widthSeconds: number): string {
  return within(moment * 1000, (moment + widthSeconds) * 1000);
}

/** Where they are, with something more that they must be. */
export function flowsOf(moment: number, widthSeconds: number, more = ""): string {
  const filter = ofMoment(moment, widthSeconds);
  return flowsPath(more ? `${filter} & ${more}` : filter);
}

/** Milliseconds since the epoch, as charts have them. */
export function secondsOf(moments: readonly number[]): number[] {
  return moments.map((moment) => moment / 1000);
}

/** 12,3 k, 4.5 M: as short as it can be. */
export function short(value: number, language: string): string {
  return new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 }).format(value);
}

export function percent(share: number | null, language: string): string {
  if (share === null) return "–";
  // 99.96 % is not all of them.
  const shown = share < 1 ? Math.min(share, 0.999) : share;
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 }).format(shown);
}

export function lines(values: readonly (number | null)[], name: string, tone: Series["tone"]): Series {
  return { name, values, tone };
}

const TONES: readonly Series["tone"][] = ["accent", "warn", "info", "bad", "good"];

/** What is counted by name, each with a colour of its own: there are no more of them than colours. */
export function named(counts: readonly { name: string; counts: readonly number[] }[]): Series[] {
  return counts
    .slice(0, TONES.length)
    .map(({ name, counts: values }, at) => lines(values, name, TONES[at] ?? "accent"));
}
