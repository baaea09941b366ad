import { describe, expect, test } from "vitest";

import { COLUMNS, readColumns, toggled, USUAL } from "./columns";
import { begun, both, flowsPath, quoted, term, within } from "./filter";
import { linesOf, WIDEST } from "./lines";
import { later, merged, rowIn, rowOf, type Row } from "./rows";
import { shortened, waterfall, type Detail } from "./waterfall";

function row(number: number, more: Partial<Row> = {}): Row {
  return rowOf({ id: `flow_${number}`, status: "completed", createdAt: number, ...more });
}

function news(...rows: (Row | string)[]): Map<string, Row | null> {
  return new Map(rows.map((one) => (typeof one === "string" ? [one, null] : [one.id, one])));
}

function ids(rows: readonly Row[]): string[] {
  return rows.map(({ id }) => id);
}

describe("rows and news", () => {
  const pages = [row(9), row(7), row(5)];

  test("without news the list is the pages", () => {
    expect(merged(pages, new Map(), false)).toBe(pages);
  });

  test("new rows stand where their time puts them", () => {
    expect(ids(merged(pages, news(row(10), row(8), row(11)), false))).toEqual(
      [11, 10, 9, 8, 7, 5].map((number) => `flow_${number}`),
    );
  });

  test("of one moment the higher id is first", () => {
    const twins = [row(9, { id: "b" }), row(9, { id: "a" })];
    expect(ids(merged(twins, news(row(9, { id: "c" }), row(9, { id: "aa" })), true))).toEqual(["c", "b", "aa", "a"]);
  });

  test("what is older than the last page waits for it, unless there is none to come", () => {
    expect(ids(merged(pages, news(row(1)), false))).toEqual(ids(pages));
    expect(ids(merged(pages, news(row(1)), true))).toEqual([...ids(pages), "flow_1"]);
    expect(ids(merged([], news(row(1)), false))).toEqual(["flow_1"]);
  });

  test("a row that no longer matches goes", () => {
    expect(ids(merged(pages, news("flow_7", "flow_99"), false))).toEqual(["flow_9", "flow_5"]);
  });

  test("an end is not left again for news that came late", () => {
    expect(later(row(1), row(1, { status: "running" })).status).toBe("completed");
    expect(later(row(1, { status: "running" }), row(1)).status).toBe("completed");
    expect(merged(pages, news(row(9, { status: "running" })), false)[0]?.status).toBe("completed");
  });

  test("an event that is no row is none", () => {
    for (const data of [null, "x", 1, [], {}, { id: "a", status: "queued" }]) expect(rowIn(data)).toBeUndefined();
    expect(rowIn({ id: "a", status: "queued", createdAt: 1 })?.tools).toEqual([]);
  });
});

describe("filters", () => {
  test.each([
    ["qwen*", "qwen*"],
    ["two words", '"two words"'],
    ['say "hi"', "'say \"hi\"'"],
    [`it's "x"`, `"it's ?x?"`],
    ["a&b", '"a&b"'],
    ["!x", '"!x"'],
    ["漢字", "漢字"],
  ])("%s is written %s", (value, written) => {
    expect(quoted(value)).toBe(written);
  });

  test("they are put together", () => {
    expect(term("e")).toBe("~e");
    expect(both("", "~e")).toBe("~e");
    expect(both("~m a", "~e")).toBe("~m a & ~e");
    expect(both("~m a | ~m b", "~e")).toBe("(~m a | ~m b) & ~e");
    expect(begun("", "m", true)).toBe("~m ");
    expect(begun("~e", "m", true)).toBe("~e & ~m ");
    expect(begun("~e & ", "x", false)).toBe("~e & ~x");
    expect(begun("(", "x", false)).toBe("( ~x");
  });

  test("they stand in addresses", () => {
    expect(flowsPath("~m a & ~e", "flow_1")).toBe("/flows/flow_1?filter=~m%20a%20%26%20~e");
    expect(flowsPath("")).toBe("/flows");
    expect(within(0, 60_000)).toBe("~b 1970-01-01T00:00..1970-01-01T00:01");
  });
});

describe("columns", () => {
  test.each([null, "", "{", "{}", "[]", '["none"]'])("%s is no choice", (kept) => {
    expect(readColumns(kept)).toEqual(USUAL);
  });

  test("a choice is kept in the order of the columns", () => {
    expect(readColumns('["model","time",7,"gone"]')).toEqual(["time", "model"]);
  });

  test("the last one stays", () => {
    expect(toggled(["time"], "time")).toEqual(["time"]);
    expect(toggled(["time"], "size")).toEqual(["time", "size"]);
    expect(toggled(COLUMNS, "time")).not.toContain("time");
  });
});

describe("long texts", () => {
  test("lines keep their numbers across parts", () => {
    expect(linesOf(["a\nb", "c\n", ""])).toEqual([
      { number: 1, text: "a" },
      { number: 2, text: "bc" },
      { number: 3, text: "" },
    ]);
  });

  test("no row is too long, and no character is cut", () => {
    const text = "x".repeat(WIDEST - 1) + "😀" + "y".repeat(WIDEST);
    const lines = linesOf([text]);
    expect(lines.map(({ number }) => number)).toEqual([1, null, null]);
    expect(lines.map((line) => line.text).join("")).toBe(text);
    for (const line of lines) expect(line.text.length).toBeLessThanOrEqual(WIDEST);
    expect(lines[0]?.text).toBe("x".repeat(WIDEST - 1));
  });
});

describe("the waterfall", () => {
  const run = { id: "flow_1", status: "completed", createdAt: 1000, queuedAt: 1010, queueMs: 40, startedAt: 1050 };
  const detail = {
    run: { ...run, firstEventMs: 100, durationMs: 300 },
    stages: [
      { name: "decode", ms: 5 },
      { name: "contract", ms: 3 },
    ],
    log: [],
  } as unknown as Detail;

  test("without a recording the times of the run have to do", () => {
    const { bars, end, first } = waterfall(detail);
    expect(bars).toEqual([
      { name: "decode", kind: "stage", from: 0, to: 5, mark: null },
      { name: "contract", kind: "stage", from: 5, to: 8, mark: null },
      { name: "", kind: "queue", from: 10, to: 50, mark: null },
      { name: "", kind: "upstream", from: 50, to: 300, mark: 100 },
    ]);
    expect([end, first]).toEqual([300, 100]);
  });

  test("a recording knows it better", () => {
    const recording = {
      stages: [{ name: "decode", side: "request", atMs: 7 }],
      exchanges: [
        { request: { line: "POST https://a.b/api/x?y=1", atMs: 60 }, response: { line: "200", atMs: 90, endMs: 280 } },
        { request: { line: "POST https://a.b/api/z", atMs: 61 }, response: { line: "", atMs: 61 } },
      ],
      answer: { atMs: 101, endMs: 290 },
      endMs: 305,
    };
    const { bars, end } = waterfall({ ...detail, recording } as unknown as Detail);
    expect(bars.filter(({ kind }) => kind !== "queue")).toEqual([
      { name: "decode", kind: "stage", from: 2, to: 7, mark: null },
      { name: "contract", kind: "stage", from: 7, to: 10, mark: null },
      { name: "POST /api/x", kind: "upstream", from: 60, to: 280, mark: 90 },
      { name: "POST /api/z", kind: "upstream", from: 61, to: 61, mark: null },
      { name: "", kind: "client", from: 101, to: 290, mark: null },
    ]);
    expect(end).toBe(305);
  });

  test("a line is shortened to what tells requests apart", () => {
    expect(shortened("PUT https://h:1/a/b?c=d")).toBe("PUT /a/b");
    expect(shortened("")).toBe("");
  });
});
