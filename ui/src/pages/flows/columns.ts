// Which columns the list has: those there are, those that are shown, and where the choice is kept.

export const COLUMNS = [
  "time",
  "status",
  "client",
  "protocol",
  "route",
  "model",
  "account",
  "session",
  "preview",
  "tools",
  "tokens",
  "size",
  "attempts",
  "queue",
  "first",
  "duration",
  "error",
  "recorded",
] as const;
export type ColumnId = (typeof COLUMNS)[number];

export const USUAL: readonly ColumnId[] = [
  "time",
  "status",
  "client",
  "model",
  "account",
  "preview",
  "tools",
  "tokens",
  "first",
  "duration",
];

/** Beside an open detail there is room for these alone. */
export const NARROW: readonly ColumnId[] = ["time", "status", "preview", "duration"];

/** And on a phone for these. */
export const PHONE: readonly ColumnId[] = ["time", "status", "preview"];

const KEY = "luna.flows.columns";

function known(name: unknown): name is ColumnId {
  return COLUMNS.some((id) => id === name);
}

/** What was kept, in the order in which columns stand; the usual ones where that is nothing. */
export function readColumns(kept: string | null): readonly ColumnId[] {
  try {
    const names: unknown = JSON.parse(kept ?? "[]");
    const chosen = Array.isArray(names) ? COLUMNS.filter((id) => names.some((name) => known(name) && name === id)) : [];
    return chosen.length > 0 ? chosen : USUAL;
  } catch {
    return USUAL;
  }
}

/** With a column or without it; one is always left. */
export function toggled(chosen: readonly ColumnId[], id: ColumnId): readonly ColumnId[] {
  const left = COLUMNS.filter((name) => (name === id ? !chosen.includes(id) : chosen.includes(name)));
  return left.length > 0 ? left : chosen;
}

export function keptColumns(): readonly ColumnId[] {
  return readColumns(localStorage.getItem(KEY));
}

export function keepColumns(chosen: readonly ColumnId[]): void {
  localStorage.setItem(KEY, JSON.stringify(chosen));
}
