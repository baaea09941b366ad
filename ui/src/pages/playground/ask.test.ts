import { afterEach, describe, expect, it, vi } from "vitest";

import { ask, begun, headerOf, type Exchange } from "./ask";
import type { Request } from "./request";

const REQUEST: Request = { path: "/v1/chat/completions", headers: { "x-a": "b" }, body: { model: "m" } };
const EVENTS = { headers: { "content-type": "text/event-stream; charset=utf-8", "x-luna-flow": "flow_1" } };

function stream(pieces: readonly string[], fail?: Error): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let next = 0;
  return new ReadableStream({
    pull(controller) {
      const piece = pieces[next++];
      if (piece !== undefined) controller.enqueue(encoder.encode(piece));
      else if (fail) controller.error(fail);
      else controller.close();
    },
  });
}

function answering(response: Response | Error) {
  const sent = vi.fn<typeof fetch>();
  if (response instanceof Error) sent.mockRejectedValue(response);
  else sent.mockResolvedValue(response);
  vi.stubGlobal("fetch", sent);
  return sent;
}

const go = (tell?: (exchange: Exchange) => void, signal = new AbortController().signal) =>
  ask(begun(REQUEST, "openai"), signal, tell);

afterEach(() => vi.unstubAllGlobals());

describe("asking", () => {
  it.each([
    [{}, "omit"],
    [{ "x-luna-route": "chat" }, "same-origin"],
    [{ "x-luna-pipeline": "chat" }, "same-origin"],
  ])("shows the pages' cookie only where it opens the way: %j", async (headers, credentials) => {
    const sent = answering(Response.json({}));
    await ask(begun({ ...REQUEST, headers }, "openai"), new AbortController().signal);
    expect(sent).toHaveBeenCalledWith(REQUEST.path, expect.objectContaining({ credentials }));
  });

  it("sends what was made, and tells of the answer as it grows", async () => {
    const sent = answering(
      new Response(
        stream([
          ": hi\n\n",
          'data: {"choices":[{"delta":{"content":"Xin "}}]}\n',
          "\n",
          'data: {"choices":[{"delta":{"content":"chào"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
        ]),
        EVENTS,
      ),
    );
    const seen: string[] = [];
    const exchange = await go(({ answer }) => seen.push(answer.text));
    expect(sent).toHaveBeenCalledWith("/v1/chat/completions", expect.objectContaining({ body: '{"model":"m"}' }));
    expect(exchange).toMatchObject({ state: "done", answer: { text: "Xin chào", finish: "stop" } });
    expect([...new Set(seen)]).toEqual(["", "Xin ", "Xin chào"]);
    expect(exchange.frames.map((frame) => [frame.id, frame.event])).toEqual([
      [0, ""],
      [1, "message"],
      [2, "message"],
      [3, "message"],
    ]);
    expect(headerOf(exchange, "x-luna-flow")).toBe("flow_1");
    expect(exchange.times.first).toBeGreaterThanOrEqual(exchange.times.head ?? Infinity);
    expect(exchange.times.end).toBeGreaterThanOrEqual(exchange.times.first ?? Infinity);
  });

  it("takes a document whole", async () => {
    answering(Response.json({ choices: [{ message: { content: "Xin chào" }, finish_reason: "stop" }] }));
    expect(await go()).toMatchObject({ state: "done", answer: { text: "Xin chào" }, frames: [{ event: "" }] });
  });

  it("tells of a refusal in luna's word", async () => {
    answering(
      Response.json({ error: { message: "No key." } }, { status: 401, headers: { "x-luna-error": "unauthorized" } }),
    );
    expect(await go()).toMatchObject({
      state: "failed",
      head: { status: 401 },
      answer: { trouble: { message: "No key.", kind: "unauthorized", status: 401 } },
    });
  });

  it("keeps what came before the stream broke", async () => {
    answering(
      new Response(
        stream(['data: {"choices":[{"delta":{"content":"Half"}}]}\n\n'], new TypeError("network error")),
        EVENTS,
      ),
    );
    expect(await go()).toMatchObject({
      state: "failed",
      answer: { text: "Half", trouble: { message: "network error", status: 0 } },
    });
  });

  it("fails by an error in the stream", async () => {
    answering(new Response(stream(['data: {"error":{"message":"Gone.","code":"chat_gone"}}\n\n']), EVENTS));
    expect(await go()).toMatchObject({ state: "failed", answer: { trouble: { kind: "chat_gone" } } });
  });

  it("is aborted without that being an error", async () => {
    const abort = new AbortController();
    answering(
      new Response(
        stream(['data: {"choices":[{"delta":{"content":"Half"}}]}\n\n'], new DOMException("", "AbortError")),
        EVENTS,
      ),
    );
    const exchange = await go(({ answer }) => (answer.text ? abort.abort() : undefined), abort.signal);
    expect(exchange).toMatchObject({ state: "aborted", answer: { text: "Half", trouble: null } });
  });

  it("fails where there is no luna", async () => {
    answering(new TypeError("Failed to fetch"));
    expect(await go()).toMatchObject({
      state: "failed",
      head: null,
      answer: { trouble: { message: "Failed to fetch" } },
    });
  });
});
