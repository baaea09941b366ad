import { describe, expect, it } from "vitest";

import { BEGINNING, WEATHER, type Draft } from "./draft";
import { requestOf } from "./request";
import { ADMIN_KEY, PROXY_KEY, pythonValue, snippetsOf } from "./snippets";

const KEYS = { proxy: PROXY_KEY, admin: ADMIN_KEY };

function snippets(more: Partial<Draft>) {
  const draft = { ...BEGINNING, model: "m", ...more };
  const request = requestOf(draft, [{ role: "user", text: "It's “me”", pictures: [] }], KEYS);
  const all = snippetsOf("http://127.0.0.1:8080", request, draft.protocol);
  return Object.fromEntries(all.map((snippet) => [snippet.id, snippet.text]));
}

describe("as curl", () => {
  it("keeps quotes as they are", () => {
    const text = snippets({})["curl"] ?? "";
    expect(text).toContain("curl -sS -N http://127.0.0.1:8080/v1/chat/completions");
    expect(text).toContain("-H 'authorization: Bearer YOUR_KEY'");
    expect(text).toContain(`It'\\''s “me”`);
  });

  it("tells of both keys where a route is chosen", () => {
    const text = snippets({ way: "route chat" })["curl"];
    expect(text).toContain("-H 'authorization: Bearer YOUR_ADMIN_KEY'");
    expect(text).toContain("-H 'x-proxy-key: YOUR_KEY'");
    expect(text).toContain("-H 'x-luna-route: chat'");
  });
});

describe("as Python", () => {
  it("writes its words", () => {
    expect(pythonValue({ a: null, b: [true, false], c: {}, d: [] }, 0)).toBe(
      '{\n    "a": None,\n    "b": [\n        True,\n        False,\n    ],\n    "c": {},\n    "d": [],\n}',
    );
  });

  it("uses the SDK of the protocol", () => {
    const openai = snippets({ tools: [WEATHER], session: "s" })["python"];
    expect(openai).toContain('client = OpenAI(base_url="http://127.0.0.1:8080/v1", api_key="YOUR_KEY")');
    expect(openai).toContain("    stream=True,\n");
    expect(openai).toContain('    extra_headers={\n        "x-luna-session-id": "s",\n    },');
    const anthropic = snippets({ protocol: "anthropic", format: "json", stream: false })["python"];
    expect(anthropic).toContain('client = Anthropic(base_url="http://127.0.0.1:8080", api_key="YOUR_KEY")');
    expect(anthropic).toContain('    extra_body={\n        "response_format": {');
    expect(anthropic).toContain("print(answer)");
  });
});

describe("as JavaScript", () => {
  it("uses the SDK of the protocol", () => {
    expect(snippets({})["javascript"]).toContain("await client.chat.completions.create({");
    expect(snippets({})["javascript"]).toContain("for await (const part of answer)");
    const anthropic = snippets({ protocol: "anthropic", stream: false, account: "env" })["javascript"];
    expect(anthropic).toContain("await client.messages.create({");
    expect(anthropic).toContain('{ headers: {"x-luna-account-id":"env"} }');
    expect(anthropic).toContain("console.log(answer);");
  });
});
