import { describe, expect, it } from "vitest";

import { fold, refusal, SILENCE, whole } from "./answer";
import type { Protocol } from "./draft";

function folded(protocol: Protocol, frames: readonly unknown[]) {
  return frames.reduce(
    (answer: typeof SILENCE, frame) =>
      fold(answer, typeof frame === "string" ? frame : JSON.stringify(frame), protocol),
    SILENCE,
  );
}
const chunk = (delta: unknown, finish: string | null = null) => ({
  choices: [{ index: 0, delta, finish_reason: finish }],
});

describe("an answer of OpenAI's protocol", () => {
  it("grows by its deltas", () => {
    const answer = folded("openai", [
      chunk({ role: "assistant", content: "" }),
      chunk({ reasoning_content: "Hm. " }),
      chunk({ reasoning_content: "Yes." }),
      chunk({ content: "Xin " }),
      chunk({ content: "chào" }),
      chunk({}, "stop"),
      {
        choices: [],
        usage: { prompt_tokens: 9, completion_tokens: 4, completion_tokens_details: { reasoning_tokens: 2 } },
      },
      "[DONE]",
    ]);
    expect(answer).toMatchObject({
      text: "Xin chào",
      thinking: "Hm. Yes.",
      finish: "stop",
      usage: { input: 9, output: 4, thinking: 2 },
      trouble: null,
    });
    expect(answer.deltas.map((delta) => delta.text)).toEqual(["Hm. ", "Yes.", "Xin ", "chào"]);
  });

  it("gathers the arguments of each call", () => {
    const call = (index: number, more: object, json: string) =>
      chunk({
        tool_calls: [
          { index, ...more, function: { ...("id" in more ? { name: `tool${index}` } : {}), arguments: json } },
        ],
      });
    const answer = folded("openai", [
      call(0, { id: "a" }, ""),
      call(0, {}, '{"city":'),
      call(1, { id: "b" }, "{}"),
      call(0, {}, '"Huế"}'),
      chunk({}, "tool_calls"),
    ]);
    expect(answer.calls).toEqual([
      { id: "a", name: "tool0", arguments: '{"city":"Huế"}' },
      { id: "b", name: "tool1", arguments: "{}" },
    ]);
    expect(answer.finish).toBe("tool_calls");
  });

  it("keeps what came before an error", () => {
    const error = { error: { message: "Qwen is busy. [flow flow_1]", type: "server_error", code: "overloaded" } };
    const answer = folded("openai", [chunk({ content: "Half" }), error, "[DONE]"]);
    expect(answer).toMatchObject({
      text: "Half",
      trouble: { kind: "overloaded", message: "Qwen is busy. [flow flow_1]" },
    });
  });

  it("may come whole", () => {
    const message = {
      role: "assistant",
      content: null,
      tool_calls: [{ id: "a", function: { name: "t", arguments: "{}" } }],
    };
    const document = {
      choices: [{ message, finish_reason: "tool_calls" }],
      usage: { prompt_tokens: 1, completion_tokens: 2 },
    };
    expect(whole(JSON.stringify(document), "openai")).toMatchObject({
      text: "",
      calls: [{ id: "a", name: "t", arguments: "{}" }],
      usage: { input: 1, output: 2, thinking: 0 },
    });
  });
});

describe("an answer of Anthropic's protocol", () => {
  it("grows by its blocks", () => {
    const answer = folded("anthropic", [
      { type: "message_start", message: { usage: { input_tokens: 7, output_tokens: 0 } } },
      { type: "content_block_start", index: 0, content_block: { type: "thinking", thinking: "" } },
      { type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "Hm." } },
      { type: "content_block_delta", index: 0, delta: { type: "signature_delta", signature: "x" } },
      { type: "content_block_stop", index: 0 },
      { type: "content_block_start", index: 1, content_block: { type: "text", text: "" } },
      { type: "content_block_delta", index: 1, delta: { type: "text_delta", text: "Chào" } },
      { type: "content_block_stop", index: 1 },
      { type: "content_block_start", index: 2, content_block: { type: "tool_use", id: "t1", name: "get", input: {} } },
      { type: "content_block_delta", index: 2, delta: { type: "input_json_delta", partial_json: '{"a"' } },
      { type: "content_block_delta", index: 2, delta: { type: "input_json_delta", partial_json: ":1}" } },
      { type: "message_delta", delta: { stop_reason: "tool_use" }, usage: { output_tokens: 5 } },
      { type: "message_stop" },
    ]);
    expect(answer).toMatchObject({
      text: "Chào",
      thinking: "Hm.",
      calls: [{ id: "t1", name: "get", arguments: '{"a":1}' }],
      finish: "tool_use",
      usage: { input: 7, output: 5 },
    });
  });

  it("may come whole", () => {
    const content = [
      { type: "thinking", thinking: "Hm." },
      { type: "text", text: "Chào" },
      { type: "tool_use", id: "t1", name: "get", input: { a: 1 } },
    ];
    const document = { content, stop_reason: "tool_use", usage: { input_tokens: 3, output_tokens: 4 } };
    expect(whole(JSON.stringify(document), "anthropic")).toMatchObject({
      text: "Chào",
      thinking: "Hm.",
      calls: [{ id: "t1", name: "get", arguments: '{"a":1}' }],
      finish: "tool_use",
      usage: { input: 3, output: 4 },
    });
  });
});

describe("a refusal", () => {
  it("is told by its body", () => {
    const body = JSON.stringify({
      error: { message: "Invalid key.", type: "invalid_request_error", code: "invalid_api_key" },
    });
    expect(refusal(401, body, "unauthorized")).toEqual({ message: "Invalid key.", kind: "unauthorized", status: 401 });
    expect(refusal(401, body, "").kind).toBe("invalid_api_key");
  });

  it("may be anything", () => {
    expect(refusal(502, "<h1>Bad gateway</h1>", "")).toEqual({
      message: "<h1>Bad gateway</h1>",
      kind: "",
      status: 502,
    });
    expect(refusal(500, "null", "internal")).toEqual({ message: "null", kind: "internal", status: 500 });
  });
});
