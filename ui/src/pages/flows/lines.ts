// A long text as rows of which none is too long to be shown. Pure.

/** Characters of a row: a line that is longer goes on in the next one. */
export const WIDEST = 1000;

export interface Line {
  /** Of the text, counted from 1; null where a line goes on. */
  number: number | null;
  text: string;
}

/** All rows of a text that came in parts. */
export function linesOf(parts: readonly string[]): Line[] {
  const lines: Line[] = [];
  parts
    .join("")
    .split("\n")
    .forEach((whole, index) => {
      let from = 0;
      do {
        const to = safe(whole, from + WIDEST);
        lines.push({ number: from === 0 ? index + 1 : null, text: whole.slice(from, to) });
        from = to;
      } while (from < whole.length);
    });
  return lines;
}

/** Not between the halves of one character. */
function safe(text: string, at: number): number {
  const code = text.charCodeAt(at - 1);
  return at < text.length && code >= 0xd800 && code <= 0xdbff ? at - 1 : at;
}
