import { describe, expect, it } from "vitest";

import { ApiError } from "../../api/client";
import { problemsOf } from "./data";

describe("a refused text", () => {
  it("says where it is wrong", () => {
    const fields = [
      { path: "value:3:9", message: "not declared" },
      { path: "value:0:0", message: "not used" },
    ];
    expect(problemsOf(new ApiError(422, "bad-request", "Line 3 …", "", fields, null))).toEqual([
      { line: 3, col: 9, message: "not declared", severity: "error" },
      { line: 0, col: 0, message: "not used", severity: "error" },
    ]);
  });
  it("is none where something else went wrong", () => {
    expect(problemsOf(new ApiError(404, "not-found", "gone", "", [{ path: "id", message: "x" }], null))).toEqual([]);
    expect(problemsOf(new Error("offline"))).toEqual([]);
  });
});
