import { describe, expect, it } from "vitest";

import { batchAt, path, place, rowsOf, visible, zoomed, type Timeline } from "./axis";

function mark(number: number, atMs: number, count = 1, endMs = atMs) {
  return { number, atMs, endMs, count, size: 1, batch: number };
}

const TOLD: Timeline = {
  flow: "flow_1",
  pipeline: "chat",
  outcome: "completed",
  lengthMs: 100,
  batches: 3,
  spans: [
    { kind: "answer", name: "", atMs: 40, endMs: 90, exchange: 0, count: 2, size: 9 },
    { kind: "stage", name: "auth", atMs: 0, endMs: 1, exchange: 0, count: 0, size: 0 },
    { kind: "completion", name: "POST /c", atMs: 10, endMs: 80, exchange: 1, count: 3, size: 9 },
    { kind: "first-byte", name: "POST /c", atMs: 10, endMs: 30, exchange: 1, count: 0, size: 0 },
    { kind: "held", name: "tools", atMs: 50, endMs: 60, exchange: 0, count: 1, size: 0 },
  ],
  lanes: [
    { kind: "reads", exchange: 1, total: 1, marks: [mark(1, 30)] },
    { kind: "batches", exchange: 0, total: 3, marks: [mark(1, 30), mark(2, 50, 2, 60)] },
    { kind: "sends", exchange: 0, total: 0, marks: [] },
  ],
  boundaries: [],
  firstChange: null,
  truncated: false,
};

describe("the rows of the axis", () => {
  it("stand in the order of the data's way, an exchange with its first byte and its reads in one", () => {
    const rows = rowsOf(TOLD);
    expect(rows.map(({ key }) => key)).toEqual(["stages", "exchange 1", "batches", "held tools", "answer"]);
    expect(rows[1]?.bars.map(({ kind }) => kind)).toEqual(["completion", "first-byte"]);
    expect(rows[1]?.total).toBe(1);
  });

  it("have no batches where none came", () => {
    expect(rowsOf({ ...TOLD, batches: 0 }).map(({ kind }) => kind)).not.toContain("batches");
  });
});

describe("the window", () => {
  it("places moments, bars and ticks", () => {
    expect(place(50, { from: 0, to: 100 })).toBe(50);
    expect(visible({ kind: "answer", name: "", from: 40, to: 90 }, { from: 50, to: 100 })).toEqual({
      start: 0,
      width: 80,
    });
    expect(visible({ kind: "answer", name: "", from: 0, to: 10 }, { from: 50, to: 100 })).toBeNull();
    expect(path([mark(1, 30), mark(2, 70)], { from: 0, to: 60 })).toBe("M500.0 0V10");
  });

  it("keeps what it is zoomed around where it is, and stays within the whole", () => {
    expect(zoomed({ from: 0, to: 100 }, 50, 0.5, 100)).toEqual({ from: 25, to: 75 });
    expect(zoomed({ from: 25, to: 75 }, 50, 4, 100)).toEqual({ from: 0, to: 100 });
    expect(zoomed({ from: 0, to: 100 }, 0, 0.5, 100)).toEqual({ from: 0, to: 50 });
    const near = zoomed({ from: 99, to: 99.06 }, 99, 0.0001, 100);
    expect(near.to - near.from).toBeCloseTo(0.05);
  });
});

describe("the batch at a moment", () => {
  it("is the one that came last, also within a group", () => {
    const rows = rowsOf(TOLD);
    expect([0, 30, 49, 50, 60, 100].map((at) => batchAt(rows, at))).toEqual([0, 1, 1, 2, 3, 3]);
  });
});
