import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";

import { spotAt } from "./place";
import { meaningOf, offers, type Schema } from "./schema";

/** The schemas that luna ships and serves. */
function schema(name: string): Schema {
  return JSON.parse(readFileSync(resolve(process.cwd(), "..", "schemas", name), "utf8")) as Schema;
}
const ROUTES = schema("routes.schema.json");
const PIPELINE = schema("pipeline.schema.json");

function offered(root: Schema, marked: string) {
  const offset = marked.indexOf("|");
  const spot = spotAt(marked.slice(0, offset) + marked.slice(offset + 1), offset);
  return spot ? offers(root, spot) : [];
}
const labels = (root: Schema, marked: string) => offered(root, marked).map((offer) => offer.label);

describe("what routes.yaml may say", () => {
  it("at the top", () => {
    expect(labels(ROUTES, "|")).toEqual(["version", "record", "reload-gate", "aliases", "routes"]);
    expect(labels(ROUTES, "version: 1\nre|")).not.toContain("version");
  });
  it("marks what must be there", () => {
    const required = offered(ROUTES, "routes:\n  - |").filter((offer) => offer.required);
    expect(required.map((offer) => offer.label)).toEqual(["name", "pipeline"]);
  });
  it("in a condition", () => {
    const all = ["method", "path", "model", "header", "tools", "stream", "size"];
    expect(labels(ROUTES, "routes:\n  - match: {|}")).toEqual(all);
    expect(labels(ROUTES, "routes:\n  - match:\n      size: {|}")).toEqual(["min", "max"]);
    expect(labels(ROUTES, "routes:\n  - match:\n      tools:\n        |")).toEqual(["any", "all", "none"]);
  });
  it("as a value", () => {
    expect(labels(ROUTES, "record: |")).toEqual(expect.arrayContaining(["all", "errors", "off"]));
    expect(labels(ROUTES, "routes:\n  - match: {stream: |}")).toEqual(["true", "false"]);
    expect(labels(ROUTES, "version: |")).toEqual(["1"]);
  });
  it("says what a key means", () => {
    expect(meaningOf(ROUTES, ["routes", 0, "pipeline"], {})).toContain("file in pipelines/");
    expect(offered(ROUTES, "routes:\n  - |").find((offer) => offer.label === "match")?.about).toContain("conditions");
  });
});

describe("what a pipeline may say", () => {
  it("offers every stage", () => {
    const stages = labels(PIPELINE, "stages:\n  - use: |");
    expect(stages).toEqual(expect.arrayContaining(["auth", "qwen", "limit", "protocol.encode"]));
    const qwen = offered(PIPELINE, "stages:\n  - use: |").find((offer) => offer.label === "qwen");
    expect(qwen?.about).toContain("[transport]");
  });
  it("offers the options of the stage that is used, and no others", () => {
    const options = labels(PIPELINE, "stages:\n  - use: auth\n  - use: protocol.encode\n    |");
    expect(options).toEqual(expect.arrayContaining(["name", "heartbeat", "commit-after"]));
    expect(options).not.toContain("use");
    expect(options).not.toContain("max-tokens");
    expect(labels(PIPELINE, "stages:\n  - use: auth\n    |")).toEqual(["name"]);
  });
  it("offers what all stages share until it is clear which one is meant", () => {
    expect(labels(PIPELINE, "stages:\n  - |")).toEqual(["use", "name"]);
    expect(labels(PIPELINE, "stages:\n  - use: ./redact.py:Redact\n    |")).toEqual(["name"]);
  });
  it("offers values and defaults of options", () => {
    const found = offered(PIPELINE, "stages:\n  - use: protocol.decode\n    strict: |");
    expect(found.map((offer) => [offer.label, offer.detail])).toEqual([
      ["true", ""],
      ["false", "default"],
    ]);
    expect(labels(PIPELINE, "stages:\n  - use: protocol.encode\n    heartbeat: |")[0]).toBe("10s");
  });
  it("keeps to the stage when keys stand below the cursor", () => {
    expect(labels(PIPELINE, "stages:\n  - |\n    use: limit")).toContain("max-tokens");
  });
});
