import { describe, expect, it } from "vitest";

import { endsOf, unixEnds } from "./ends";

describe("line ends", () => {
  it.each(["a\nb\n", "a\r\nb\r\n", "a", "", "\r\n"])("come back as they were: %j", (text) => {
    expect(endsOf(text, unixEnds(text))).toBe(text);
  });
  it("stay in what is added", () => {
    expect(endsOf("a\r\n", "a\nb\n")).toBe("a\r\nb\r\n");
    expect(endsOf("a\n", "a\nb\n")).toBe("a\nb\n");
  });
});
