// The settings of luna itself, as openapi.json describes them: every one is understood, named, and explained.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { meanings } from "../../i18n/meanings";
import { edited, patchOf, without } from "./edits";
import { asDocument, readSchema, valueAt, type SchemaDocument } from "./schema";

const openapi = JSON.parse(readFileSync("openapi.json", "utf8")) as {
  components: { schemas: SchemaDocument["definitions"] };
};
const definitions = openapi.components.schemas;
const sections = readSchema({ root: definitions["Preferences"] ?? {}, definitions });
const settings = sections.flatMap((section) => section.settings);
const paths = [...sections.map((section) => section.path), ...settings.map((setting) => setting.path)];

function section(path: string) {
  const found = sections.find((one) => one.path === path);
  if (!found) throw new Error(`there is no section ${path}`);
  return found;
}

describe("reading the schema", () => {
  it("finds every group and every setting", () => {
    expect(sections.map((one) => one.path)).toContain("session.chatCleanup.scheduled");
    expect(settings.length).toBeGreaterThan(60);
    expect(settings.every((one) => one.about)).toBe(true);
  });

  it("knows kinds, ranges and words", () => {
    const by = Object.fromEntries(settings.map((one) => [one.path, one]));
    expect(by["tokenOverflow.enabled"]).toMatchObject({ kind: "switch", nullable: false });
    expect(by["multiThread.queueLength"]).toMatchObject({ kind: "whole", least: 0, above: false });
    expect(by["tokenOverflow.maxAgeHours"]).toMatchObject({ kind: "number", least: 0, above: true });
    expect(by["tokenOverflow.sanitizer.assistantSimilarityThreshold"]).toMatchObject({ least: 0, most: 1 });
    expect(by["session.overflowSignal.mode"]).toMatchObject({
      kind: "choice",
      choices: ["auto", "both", "off", "signal"],
    });
    expect(by["tokenLimits.maxInputTokens"]).toMatchObject({ kind: "whole", nullable: true, least: 1 });
    expect(by["tokenLimits.maxInputTokens"]?.about).toContain("refused");
  });

  it("takes the form that luna sends at run time, too", () => {
    const schema = { $ref: "#/$defs/Preferences", $defs: definitions };
    expect(readSchema(asDocument(schema)).map((one) => one.path)).toEqual(sections.map((one) => one.path));
  });
});

describe("the texts of the settings", () => {
  it.each(["en", "vi", "zh"])("are complete in %s, and name nothing that is not there", async (language) => {
    const known = await meanings(language);
    expect(Object.keys(known).sort()).toEqual([...paths].sort());
    for (const path of paths) {
      const [name, about] = known[path] ?? [""];
      expect(name, path).not.toBe("");
      if (language !== "en") expect(about, path).toBeTruthy();
    }
  });

  it.each(["en", "vi", "zh"])("tell the settings of a section apart in %s", async (language) => {
    const known = await meanings(language);
    for (const one of sections) {
      const names = one.settings.map((setting) => known[setting.path]?.[0]);
      expect(new Set(names).size, one.path).toBe(names.length);
    }
  });
});

describe("editing", () => {
  it("sends what was changed, nested, and nothing else", () => {
    const edits = { "session.chatCleanup.enabled": true, "session.historyLimit": "7", "ui.language": "vi" };
    expect(patchOf(section("session.chatCleanup"), edits)).toEqual({ session: { chatCleanup: { enabled: true } } });
    expect(patchOf(section("session"), edits)).toEqual({ session: { historyLimit: 7 } });
  });

  it("sends what is no number as it was typed, and an empty one as not set where that may be", () => {
    const edits = {
      "tokenLimits.maxInputTokens": " ",
      "multiThread.queueLength": "",
      "multiThread.queueTimeoutMs": "soon",
    };
    expect(patchOf(section("tokenLimits"), edits)).toEqual({ tokenLimits: { maxInputTokens: null } });
    expect(patchOf(section("multiThread"), edits)).toEqual({
      multiThread: { queueLength: "", queueTimeoutMs: "soon" },
    });
  });

  it("sends null for the default again", () => {
    expect(patchOf(section("logging"), { "logging.maxRuns": null })).toEqual({ logging: { maxRuns: null } });
  });

  it("forgets an edit that says what is in force", () => {
    const once = edited({}, "logging.maxRuns", "5", 100);
    expect(once).toEqual({ "logging.maxRuns": "5" });
    expect(edited(once, "logging.maxRuns", "100", 100)).toEqual({});
    expect(edited({}, "logging.maxRuns", null, 100)).toEqual({ "logging.maxRuns": null });
    expect(without({ a: "1", b: "2" }, ["a"])).toEqual({ b: "2" });
  });
});

describe("finding a value", () => {
  it("follows the path", () => {
    expect(valueAt({ a: { b: 0 } }, "a.b")).toBe(0);
    expect(valueAt({ a: null }, "a.b")).toBeUndefined();
  });
});
