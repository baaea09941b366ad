import { describe, expect, test } from "vitest";

import { lastMinute, lately, ofMoment, percent, rangeOf, slowerThan, type Overview } from "./figures";

describe("the filters behind the figures", () => {
  test.each([
    [15, "~b <15m"],
    [60, "~b <1h"],
    [90, "~b <90m"],
    [180, "~b <3h"],
    [10080, "~b <7d"],
  ])("%d minutes", (minutes, filter) => {
    expect(lately(minutes)).toBe(filter);
  });

  test("with something more", () => {
    expect(lately(60, "~e")).toBe("~b <1h & ~e");
    expect(slowerThan(1234.5)).toBe("~f >=1234ms");
    expect(ofMoment(60, 300)).toBe("~b 1970-01-01T00:01..1970-01-01T00:06");
  });
});

test("a range that there is not is the usual one", () => {
  expect(rangeOf("180")).toBe(180);
  for (const text of [null, "", "61", "x"]) expect(rangeOf(text)).toBe(60);
});

test("the last minute is the one that is over", () => {
  const overview = { series: { requests: [1, 2, 3] }, widthSeconds: 60 } as unknown as Overview;
  expect(lastMinute(overview)).toBe(2);
  expect(lastMinute({ ...overview, widthSeconds: 300 })).toBeNull();
});

test("nearly all is not all", () => {
  expect(percent(null, "en")).toBe("–");
  expect(percent(1, "en")).toBe("100%");
  expect(percent(0.99999, "en")).toBe("99.9%");
  expect(percent(0.5, "en")).toBe("50%");
});
