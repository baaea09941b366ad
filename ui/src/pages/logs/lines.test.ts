import { describe, expect, it } from "vitest";

import { fits, KEPT, LEVELS, NONE, resumed, withNew, withOlder, type Filter, type Line } from "./lines";

const ALL: Filter = { levels: LEVELS, text: "", flow: "" };

function line(id: number, more: Partial<Line> = {}): Line {
  return { id, timestamp: id, level: "info", message: `line ${id}`, logger: "luna", ...more };
}
const ids = (lines: readonly Line[]) => lines.map((one) => one.id);

describe("which lines fit", () => {
  it.each<[string, Partial<Line>, Partial<Filter>, boolean]>([
    ["anything", {}, {}, true],
    ["another level", {}, { levels: ["error"] }, false],
    ["one of several levels", { level: "error" }, { levels: ["warning", "error"] }, true],
    ["a level that nobody knows", { level: "fatal" }, {}, false],
    ["its flow", { flow: "flow_1" }, { flow: "flow_1" }, true],
    ["another flow", { flow: "flow_2" }, { flow: "flow_1" }, false],
    ["no flow at all", {}, { flow: "flow_1" }, false],
    ["words in any case", { message: "It BROKE" }, { text: " broke " }, true],
    ["words of the traceback", { fields: { traceback: "KeyError: 'x'" } }, { text: "keyerror" }, true],
    ["words of another field", { fields: { path: "/v1" } }, { text: "/v1" }, false],
  ])("%s", (_, more, filter, expected) => {
    expect(fits(line(1, more), { ...ALL, ...filter })).toBe(expected);
  });
});

describe("lines that come", () => {
  it("stand in the order in which they were said, each once", () => {
    let lines = withNew(NONE, [line(5), line(6)], ALL, false);
    lines = withOlder(lines, [line(6), line(5), line(4), line(3)], "3");
    lines = withNew(lines, [line(6), line(7)], ALL, false);
    expect(ids(lines.shown)).toEqual([3, 4, 5, 6, 7]);
    expect(lines.older).toBe("3");
  });

  it("are left out when they do not fit", () => {
    const lines = withNew(NONE, [line(1), line(2, { level: "error" })], { ...ALL, levels: ["error"] }, false);
    expect(ids(lines.shown)).toEqual([2]);
    expect(withNew(lines, [line(3)], { ...ALL, levels: ["error"] }, false)).toBe(lines);
  });

  it("wait while paused, and are shown afterwards", () => {
    let lines = withNew(NONE, [line(1)], ALL, false);
    lines = withNew(lines, [line(2)], ALL, true);
    lines = withNew(lines, [line(2), line(3)], ALL, true);
    expect([ids(lines.shown), ids(lines.waiting)]).toEqual([[1], [2, 3]]);
    expect(ids(resumed(lines).shown)).toEqual([1, 2, 3]);
    expect(resumed(lines).waiting).toEqual([]);
  });

  it("are bounded, and the rest can be fetched again", () => {
    const many = Array.from({ length: KEPT + 10 }, (_, index) => line(index));
    const lines = withNew(NONE, many, ALL, false);
    expect(lines.shown.length).toBe(KEPT);
    expect(lines.older).toBe("10");
  });

  it("show no gap after a pause in which too many came", () => {
    const many = Array.from({ length: KEPT + 3 }, (_, index) => line(index + 10));
    const paused = withNew(withNew(NONE, [line(1)], ALL, false), many, ALL, true);
    expect(paused.missed).toBe(3);
    const lines = resumed(paused);
    expect(lines.shown[0]?.id).toBe(13);
    expect([lines.older, lines.missed]).toEqual(["13", 0]);
  });
});
