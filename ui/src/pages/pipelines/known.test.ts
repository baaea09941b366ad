import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";

import { spotAt } from "../../parts/editor/place";
import { offers, type Schema } from "../../parts/editor/schema";
import { fileFor, headersOf, routesSchema } from "./known";

const OPTION = { value: 1, default: 2, required: false, written: null, takes: "number", about: "How many." };
const STAGE = { use: "limit", side: "response", about: "Ends it.\n\nSoon.", place: null };
const DATA = {
  version: 1,
  routes: [],
  aliases: [],
  pipelines: [
    {
      name: "chat",
      about: "",
      place: null,
      routes: [],
      stages: [{ ...STAGE, name: "limit", options: [{ ...OPTION, name: "max-tokens" }] }],
    },
    { name: "models", about: "", place: null, routes: [], stages: [] },
  ],
};
const ROUTES = routesSchema(
  JSON.parse(readFileSync(resolve(process.cwd(), "..", "schemas", "routes.schema.json"), "utf8")) as Schema,
  DATA,
);

function offered(marked: string) {
  const offset = marked.indexOf("|");
  const spot = spotAt(marked.slice(0, offset) + marked.slice(offset + 1), offset);
  return spot ? offers(ROUTES, spot) : [];
}

describe("routes.yaml of this luna", () => {
  it("names its pipelines", () => {
    expect(offered("routes:\n  - pipeline: |").map((offer) => offer.label)).toEqual(["chat", "models"]);
  });
  it("names stages and their options", () => {
    expect(offered("routes:\n  - with:\n      |").map((offer) => [offer.label, offer.about])).toEqual([
      ["limit", "Ends it."],
    ]);
    expect(offered("routes:\n  - with:\n      limit: {|}").map((offer) => offer.label)).toEqual(["max-tokens"]);
  });
});

describe("names of new files", () => {
  it.each([
    ["pipeline", "aside", "pipelines/aside.yaml"],
    ["prompt", "tools/mine", "prompts/tools/mine.md"],
    ["pipeline", "a/b", ""],
    ["prompt", "../x", ""],
    ["prompt", "a//b", ""],
    ["pipeline", ".hidden", ""],
    ["pipeline", "", ""],
  ] as const)("%s %s", (kind, name, file) => {
    expect(fileFor(kind, name)).toBe(file);
  });
});

describe("headers", () => {
  it("are read line by line", () => {
    expect(headersOf("X-A: 1\n\n authorization:Bearer a:b ")).toEqual({ "X-A": "1", authorization: "Bearer a:b" });
  });
  it("say which line is none", () => {
    expect(headersOf("a: b\nnothing")).toBe(2);
    expect(headersOf(": x")).toBe(1);
  });
});
