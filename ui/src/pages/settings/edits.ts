// What somebody has changed and not saved yet, and the request that saves it. Pure.
import type { Section, Setting } from "./schema";

/** By the setting's path: what stands in its field now, or null for "the default again". */
export type Edits = Readonly<Record<string, string | boolean | null>>;

/** What a field shows of a value. */
export function shown(value: unknown): string | boolean {
  if (typeof value === "boolean") return value;
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

/** What is sent of a field: luna judges it, so what is no number goes out as it was typed. */
function sent(setting: Setting, edit: string | boolean | null): unknown {
  if (edit === null || typeof edit === "boolean") return edit;
  const text = edit.trim();
  if (text === "" && setting.nullable) return null;
  if (setting.kind !== "whole" && setting.kind !== "number") return text;
  const number = Number(text);
  return text === "" || !Number.isFinite(number) ? text : number;
}

/** `{multiThread: {queueLength: 5}}` for the edits of one section. */
export function patchOf(section: Section, edits: Edits): Record<string, unknown> {
  const patch: Record<string, unknown> = {};
  for (const setting of section.settings) {
    const edit = edits[setting.path];
    if (edit === undefined) continue;
    const keys = setting.path.split(".");
    const last = keys.pop() ?? "";
    let place = patch;
    for (const key of keys) place = (place[key] ??= {}) as Record<string, unknown>;
    place[last] = sent(setting, edit);
  }
  return patch;
}

/** The edits with one more; one that says what is in force anyway is none. */
export function edited(edits: Edits, path: string, edit: string | boolean | null, inForce: unknown): Edits {
  return edit !== null && edit === shown(inForce) ? without(edits, [path]) : { ...edits, [path]: edit };
}

export function without(edits: Edits, paths: readonly string[]): Edits {
  return Object.fromEntries(Object.entries(edits).filter(([path]) => !paths.includes(path)));
}

export function editsOf(section: Section, edits: Edits): string[] {
  return section.settings.map((setting) => setting.path).filter((path) => edits[path] !== undefined);
}
