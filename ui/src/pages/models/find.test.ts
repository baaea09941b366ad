import { describe, expect, it } from "vitest";

import { can, matches, tokens } from "./find";

const MODEL = {
  id: "qwen3.7-plus",
  name: "Qwen3.7-Plus",
  description: "Large multimodal model.",
  maxContextLength: "1,000,000 tokens",
  maxGenerationLength: "65,536 tokens",
  maxThinkingGenerationLength: "",
  modality: ["text", "image"],
  contextTokens: 1_000_000,
  maxOutputTokens: 65_536,
  maxThinkingTokens: 0,
  thinking: "auto" as const,
  aliases: ["gpt-*"],
  runs: 3,
};

describe("finding a model", () => {
  it.each([
    ["", true],
    ["PLUS", true],
    ["gpt", true],
    ["large 3.7", true],
    ["large omni", false],
  ])("by the words %j", (words, expected) => {
    expect(matches(MODEL, words)).toBe(expected);
  });

  it("by what it can do", () => {
    expect([can(MODEL, "image"), can(MODEL, "audio"), can(MODEL, "thinking")]).toEqual([true, false, true]);
    expect(can({ ...MODEL, thinking: "none" }, "thinking")).toBe(false);
    expect(can({ ...MODEL, thinking: "unknown" }, "thinking")).toBe(false);
  });

  it.each([
    [0, "–"],
    [800, "800"],
    [65_536, "64K"],
    [131_072, "128K"],
    [262_144, "256K"],
    [1_000_000, "1M"],
    [1_048_576, "1M"],
    [1_500_000, "1.5M"],
  ])("tells %d tokens as %s", (count, said) => {
    expect(tokens(count)).toBe(said);
  });
});
