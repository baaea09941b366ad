import { Text } from "@codemirror/state";
import { describe, expect, it } from "vitest";

import { marksOf, offsetOf } from "./marks";

const text = Text.of(["routes:", "  - name: chat", "    pipeline: chta", ""]);

describe("marks", () => {
  it("cover the word at their place", () => {
    const [mark] = marksOf(text, [{ line: 3, col: 15, message: "does not exist", hint: "mend it", severity: "error" }]);
    expect(mark).toMatchObject({ message: "does not exist — mend it", severity: "error" });
    expect(text.sliceString(mark?.from ?? 0, mark?.to ?? 0)).toBe("chta");
  });
  it("stay within the text", () => {
    expect(offsetOf(text, 99, 99)).toBe(text.length);
    expect(offsetOf(text, 0, 0)).toBe(0);
    expect(offsetOf(text, 1, 500)).toBe(7);
    const [mark] = marksOf(text, [{ line: 4, col: 1, message: "x", severity: "warning" }]);
    expect([mark?.from, mark?.to]).toEqual([text.length, text.length]);
  });
});
