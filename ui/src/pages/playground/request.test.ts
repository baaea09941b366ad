import { describe, expect, it } from "vitest";

import { BEGINNING, WEATHER, type Draft, type Turn } from "./draft";
import { problemsOf, requestOf } from "./request";

const NO_KEYS = { proxy: "", admin: "" };
const HELLO: Turn = { role: "user", text: "Hello", pictures: [] };
const CALL = { id: "call_1", name: "get_weather", arguments: '{"city":"Huế"}' };
const ROUND: Turn[] = [
  HELLO,
  { role: "assistant", text: "", thinking: "hm", calls: [CALL] },
  { role: "tool", call: CALL, text: "31 °C" },
  { role: "user", text: "And tomorrow?", pictures: [] },
];

function draft(more: Partial<Draft> = {}): Draft {
  return { ...BEGINNING, model: "qwen3.7-plus", ...more };
}
const body = (more: Partial<Draft>, turns: readonly Turn[] = [HELLO]) => requestOf(draft(more), turns, NO_KEYS).body;

describe("a chat completion", () => {
  it("is as small as it can be", () => {
    expect(body({ stream: false })).toEqual({ model: "qwen3.7-plus", messages: [{ role: "user", content: "Hello" }] });
  });

  it("asks for a stream with its usage", () => {
    expect(body({})).toMatchObject({ stream: true, stream_options: { include_usage: true } });
  });

  it("holds every option", () => {
    const whole = body({ system: "Be brief.", thinking: "thinking", maxTokens: "50", format: "schema" });
    expect(whole["messages"]).toEqual([
      { role: "system", content: "Be brief." },
      { role: "user", content: "Hello" },
    ]);
    expect(whole).toMatchObject({
      reasoning_effort: "high",
      max_tokens: 50,
      response_format: { type: "json_schema", json_schema: { schema: { required: ["answer"] } } },
    });
  });

  it("tells of tools, calls and their answers", () => {
    const whole = body({ tools: [WEATHER], choice: "required" }, ROUND);
    expect(whole).toMatchObject({ tool_choice: "required", tools: [{ function: { name: "get_weather" } }] });
    expect(whole["messages"]).toEqual([
      { role: "user", content: "Hello" },
      {
        role: "assistant",
        content: null,
        tool_calls: [
          { id: "call_1", type: "function", function: { name: "get_weather", arguments: '{"city":"Huế"}' } },
        ],
      },
      { role: "tool", tool_call_id: "call_1", content: "31 °C" },
      { role: "user", content: "And tomorrow?" },
    ]);
  });

  it("shows pictures", () => {
    expect(body({}, [{ role: "user", text: "What is it?", pictures: ["https://example.com/a.png"] }])).toMatchObject({
      messages: [
        {
          content: [
            { type: "text", text: "What is it?" },
            { type: "image_url", image_url: { url: "https://example.com/a.png" } },
          ],
        },
      ],
    });
  });
});

describe("a message of Anthropic's protocol", () => {
  it("always has a limit, and no message of the system", () => {
    expect(body({ protocol: "anthropic", system: "Be brief.", stream: false })).toEqual({
      model: "qwen3.7-plus",
      max_tokens: 4096,
      system: "Be brief.",
      messages: [{ role: "user", content: "Hello" }],
    });
  });

  it("lets roles take turns", () => {
    const whole = body({ protocol: "anthropic", tools: [WEATHER], choice: "required", thinking: "auto" }, ROUND);
    expect(whole).toMatchObject({ tool_choice: { type: "any" }, thinking: { type: "adaptive" } });
    expect(whole["messages"]).toEqual([
      { role: "user", content: "Hello" },
      {
        role: "assistant",
        content: [{ type: "tool_use", id: "call_1", name: "get_weather", input: { city: "Huế" } }],
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "call_1", content: "31 °C" },
          { type: "text", text: "And tomorrow?" },
        ],
      },
    ]);
  });

  it("holds a picture's bytes, or says where it is", () => {
    const pictures = ["data:image/png;base64,AAAA", "https://example.com/a.png"];
    const whole = body({ protocol: "anthropic" }, [{ role: "user", text: "", pictures }]);
    expect(whole["messages"]).toEqual([
      {
        role: "user",
        content: [
          { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } },
          { type: "image", source: { type: "url", url: "https://example.com/a.png" } },
        ],
      },
    ]);
  });
});

describe("the headers", () => {
  const keys = { proxy: "p", admin: "a" };
  it.each<[string, Partial<Draft>, Record<string, string>]>([
    ["of OpenAI's", {}, { authorization: "Bearer p" }],
    ["of Anthropic's", { protocol: "anthropic" }, { "x-api-key": "p", "anthropic-version": "2023-06-01" }],
    [
      "of a chosen route",
      { way: "route my chat" },
      { authorization: "Bearer a", "x-proxy-key": "p", "x-luna-route": "my chat" },
    ],
    [
      "of a chosen pipeline",
      { way: "pipeline agent" },
      { authorization: "Bearer a", "x-proxy-key": "p", "x-luna-pipeline": "agent" },
    ],
    [
      "of a session on an account",
      { session: "s_1", account: "env" },
      { authorization: "Bearer p", "x-luna-session-id": "s_1", "x-luna-account-id": "env" },
    ],
  ])("%s", (_, more, expected) => {
    expect(requestOf(draft(more), [HELLO], keys).headers).toEqual({ "content-type": "application/json", ...expected });
  });

  it("hold no key where there is none", () => {
    expect(requestOf(draft({ way: "route chat" }), [HELLO], NO_KEYS).headers).toEqual({
      "content-type": "application/json",
      "x-luna-route": "chat",
    });
  });
});

describe("what is wrong with a draft", () => {
  it.each<[string, Partial<Draft>, readonly Turn[], string[]]>([
    ["nothing", {}, [HELLO], []],
    ["no model", { model: " " }, [HELLO], ["model model"]],
    ["nothing to say", {}, [], ["messages messages"]],
    ["a limit that is none", { maxTokens: "many" }, [HELLO], ["maxTokens number"]],
    ["a limit of nothing", { maxTokens: "0" }, [HELLO], ["maxTokens number"]],
    ["a schema that is no JSON", { format: "schema", schema: "{" }, [HELLO], ["schema json"]],
    ["a schema that nobody looks at", { format: "json", schema: "{" }, [HELLO], []],
    ["a schema that is no object", { tools: [{ ...WEATHER, schema: "[]" }] }, [HELLO], ["tool 0 schema object"]],
    ["a tool without a name", { tools: [{ ...WEATHER, name: "get weather" }] }, [HELLO], ["tool 0 name name"]],
    ["two tools of one name", { tools: [WEATHER, WEATHER] }, [HELLO], ["tool 1 name twice"]],
  ])("%s", (_, more, turns, expected) => {
    expect(problemsOf(draft(more), turns).map(({ place, kind }) => `${place} ${kind}`)).toEqual(expected);
  });
});
