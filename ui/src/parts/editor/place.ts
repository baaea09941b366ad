// Where in a YAML document the cursor is: which keys lead there, and whether a key or a value is being written. Pure.
import { isMap, isPair, isScalar, isSeq, parseDocument, type Node, type Pair } from "yaml";

export type Step = string | number;

export interface Spot {
  kind: "key" | "value";
  /** The way to the mapping whose key is written, or to the value that is written. */
  path: readonly Step[];
  /** The keys that stand in that mapping already. */
  siblings: readonly string[];
  /** Of the word at the cursor. */
  from: number;
  to: number;
  /** The document as it stands, without that word. */
  document: unknown;
}

const MARK = "cursor__here";
const PART = /[\w./:*-]/;

/** The spot at `offset`, or null where nothing can be said: in comments, in texts, in what is no YAML. */
export function spotAt(text: string, offset: number): Spot | null {
  const word = wordAt(text, offset);
  if (inComment(text, word.from)) return null;
  const before = lastOf(text, word.from);
  const after = text.slice(word.to).match(/^[^\n]*/)?.[0] ?? "";
  const asKey = after.trimStart().startsWith(":") ? MARK : `${MARK}: `;
  // A word behind a colon is a value. Elsewhere it may become a key; behind `- ` it may stay a word.
  for (const mark of before === ":" ? [MARK] : [asKey, MARK]) {
    const found = find(text.slice(0, word.from) + mark + text.slice(word.to));
    if (found) return { ...found, from: word.from, to: word.to };
  }
  return null;
}

/** The word around `offset`. A colon belongs to it where no space follows, as in `./redact.py:Redact`. */
function wordAt(text: string, offset: number): { from: number; to: number } {
  const inside = (at: number) => {
    const letter = text[at];
    if (letter === undefined || !PART.test(letter)) return false;
    return letter !== ":" || /[^\s,}\]]/.test(text[at + 1] ?? " ");
  };
  let from = offset;
  let to = offset;
  while (from > 0 && inside(from - 1)) from--;
  while (to < text.length && inside(to)) to++;
  return { from, to };
}

function lastOf(text: string, end: number): string {
  const line = text.slice(text.lastIndexOf("\n", end - 1) + 1, end);
  return line.trimEnd().at(-1) ?? "";
}

function inComment(text: string, end: number): boolean {
  const line = text.slice(text.lastIndexOf("\n", end - 1) + 1, end);
  return /(^|\s)#/.test(line.replace(/"[^"]*"|'[^']*'/g, ""));
}

function find(text: string): Omit<Spot, "from" | "to"> | null {
  const document = parseDocument(text, { keepSourceTokens: false, uniqueKeys: false, logLevel: "silent" });
  const found = look(document.contents, []);
  if (!found) return null;
  return { ...found, document: plain(document.contents) };
}

type Found = Pick<Spot, "kind" | "path" | "siblings">;

function look(node: Node | Pair | null, path: readonly Step[]): Found | null {
  if (isScalar(node)) return node.value === MARK ? { kind: "value", path, siblings: [] } : null;
  if (isSeq(node)) {
    for (const [index, item] of node.items.entries()) {
      const found = look(item as Node | Pair | null, [...path, index]);
      if (found) return found;
    }
    return null;
  }
  if (isPair(node))
    return isMark(node.key) ? { kind: "key", path, siblings: [] } : look(node.value as Node | null, path);
  if (!isMap(node)) return null;
  for (const pair of node.items) {
    if (isMark(pair.key)) {
      const siblings = node.items.map((each) => keyOf(each)).filter((key) => key !== MARK);
      return { kind: "key", path, siblings };
    }
    const found = look(pair.value as Node | null, [...path, keyOf(pair)]);
    if (found) return found;
  }
  return null;
}

function isMark(key: unknown): boolean {
  return isScalar(key) && key.value === MARK;
}

function keyOf(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : "";
}

/** Builtins, without what the cursor is at. */
function plain(node: unknown): unknown {
  if (isScalar(node)) return node.value === MARK ? undefined : node.value;
  if (isSeq(node)) return node.items.map(plain);
  if (isMap(node)) {
    const pairs = node.items.filter((pair) => !isMark(pair.key));
    return Object.fromEntries(pairs.map((pair) => [keyOf(pair), plain(pair.value)]));
  }
  return undefined;
}
