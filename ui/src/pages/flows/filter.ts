// Building filters of luna's language; what they mean is luna's to say (POST /api/flows/filter). Pure.

/** A value as it stands in a filter: quoted where a sign in it would mean something. */
export function quoted(value: string): string {
  if (/^[^\s&|()!~'"<>=]+$/u.test(value)) return value;
  if (!value.includes('"')) return `"${value}"`;
  if (!value.includes("'")) return `'${value}'`;
  return `"${value.replaceAll('"', "?")}"`;
}

export function term(letter: string, value = ""): string {
  return value ? `~${letter} ${quoted(value)}` : `~${letter}`;
}

/** Both of them. */
export function both(filter: string, addition: string): string {
  const first = filter.trim();
  if (!first) return addition;
  return `${first.includes("|") ? `(${first})` : first} & ${addition}`;
}

/** With an operator at its end, ready for the value. */
export function begun(filter: string, letter: string, takesValue: boolean): string {
  const first = filter.trimEnd();
  const joint = first === "" || /[&|(!]$/u.test(first) ? "" : " &";
  return `${first}${joint}${first === "" ? "" : " "}~${letter}${takesValue ? " " : ""}`;
}

/** Where the list is that a filter makes. */
export function flowsPath(filter: string, id = ""): string {
  const path = id ? `/flows/${encodeURIComponent(id)}` : "/flows";
  return filter ? `${path}?filter=${encodeURIComponent(filter)}` : path;
}

/** A moment as filters write it: a minute, UTC. Milliseconds since the epoch. */
export function minute(at: number): string {
  return new Date(at).toISOString().slice(0, 16);
}

/** What began from one moment up to another. */
export function within(since: number, until: number): string {
  return `~b ${minute(since)}..${minute(until)}`;
}
