// What is wrong with a text, as marks in it. Pure but for the state it reads.
import type { Diagnostic } from "@codemirror/lint";
import type { Text } from "@codemirror/state";

/** Something at a line and a column, both from 1; 0 for the text as a whole. */
export interface Problem {
  line: number;
  col: number;
  message: string;
  hint?: string;
  severity: "error" | "warning";
}

/** The marks for problems: from their place to the end of the word there. */
export function marksOf(text: Text, problems: readonly Problem[]): Diagnostic[] {
  return problems.map((problem) => {
    const from = offsetOf(text, problem.line, problem.col);
    const line = text.lineAt(from);
    const word = /^[^\s,\]}]+/.exec(line.text.slice(from - line.from))?.[0].length ?? 0;
    const message = problem.hint ? `${problem.message} — ${problem.hint}` : problem.message;
    return { from, to: Math.min(line.to, from + Math.max(word, 1)), severity: problem.severity, message };
  });
}

/** The offset of a place, kept within the text. */
export function offsetOf(text: Text, line: number, col: number): number {
  const found = text.line(Math.max(1, Math.min(text.lines, line)));
  return Math.min(found.to, found.from + Math.max(0, col - 1));
}
