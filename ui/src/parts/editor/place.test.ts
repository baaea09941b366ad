import { describe, expect, it } from "vitest";

import { spotAt } from "./place";

/** The spot at the mark `|` in a text. */
function at(marked: string) {
  const offset = marked.indexOf("|");
  return spotAt(marked.slice(0, offset) + marked.slice(offset + 1), offset);
}

const CASES: [string, string, "key" | "value", (string | number)[], string[]][] = [
  ["an empty document", "|", "key", [], []],
  ["the top", "version: 1\n|", "key", [], ["version"]],
  ["a key half written", "version: 1\nrou|", "key", [], ["version"]],
  ["a key in its middle", "ver|sion: 1\nabout: x\n", "key", [], ["about"]],
  ["a value", "version: 1\nrecord: |", "value", ["record"], []],
  ["a value half written", "record: er|\nversion: 1\n", "value", ["record"], []],
  ["a key of an item", "routes:\n  - name: a\n    |", "key", ["routes", 0], ["name"]],
  [
    "a key between others",
    "routes:\n  - name: a\n    |\n    pipeline: chat\n",
    "key",
    ["routes", 0],
    ["name", "pipeline"],
  ],
  ["a nested key", "routes:\n  - match:\n      |\n    pipeline: x\n", "key", ["routes", 0, "match"], []],
  ["the first key of an item", "stages:\n  - use: a\n  - |", "key", ["stages", 1], []],
  ["a value of an item", "stages:\n  - use: a\n  - use: |", "value", ["stages", 1, "use"], []],
  ["the last of several items", "stages:\n  - use: a\n  - use: b\n    max|", "key", ["stages", 1], ["use"]],
  ["a flow mapping", "routes:\n  - {name: a, |}", "key", ["routes", 0], ["name"]],
  ["a value in a flow mapping", "routes:\n  - {name: a, pipeline: |}", "value", ["routes", 0, "pipeline"], []],
  ["a flow sequence", "routes:\n  - match: {path: [/a, |]}", "key", ["routes", 0, "match", "path", 1], []],
  ["a path with a class", "stages:\n  - use: ./redact.py:Re|", "value", ["stages", 0, "use"], []],
];

describe("the place of the cursor", () => {
  it.each(CASES)("%s", (_, marked, kind, path, siblings) => {
    expect(at(marked)).toMatchObject({ kind, path, siblings });
  });

  it("covers the word at the cursor", () => {
    expect(at("record: err|ors")).toMatchObject({ from: 8, to: 14 });
    expect(at("pipe|line: chat")).toMatchObject({ from: 0, to: 8 });
  });

  it("knows the document around it", () => {
    expect(at("stages:\n  - use: qwen\n    th|")?.document).toEqual({ stages: [{ use: "qwen" }] });
  });

  it.each([
    ["a comment", "version: 1 # rec|"],
    ["a line of comment", "# rec|"],
    ["a text of several lines", "about: |\n  some tex¦".replace("|", ">").replace("¦", "|")],
    ["a quoted text", 'about: "some t|ext"'],
  ])("says nothing in %s", (_, marked) => {
    expect(at(marked)).toBeNull();
  });
});
