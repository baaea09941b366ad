import { describe, expect, it } from "vitest";

import { countCookies, readPasted, shellWords } from "./paste";

const JWT = "eyJhbGciOiJIUzI1NiJ9.eyJpZCI6InUxIn0.c2lnbmF0dXJl";
const COOKIES = "token=abc; acw_tc=1; cna=x/y+z==";

function only(text: string) {
  const found = readPasted(text);
  expect(found).toHaveLength(1);
  const [login] = found;
  if (!login) throw new Error("nothing was found");
  return login;
}

describe("a single login", () => {
  it.each([
    ["bare", JWT],
    ["in quotes", `"${JWT}"`],
    ["with Bearer", `Bearer ${JWT}`],
    ["with space around", `\n  ${JWT}\n\n`],
  ])("is a token %s", (_, text) => {
    expect(only(text)).toMatchObject({ kind: "token", credentials: { token: JWT } });
  });

  it("is a token that is no JWT", () => {
    const opaque = "sk0123456789abcdef0123456789abcdef";
    expect(only(opaque).credentials).toEqual({ token: opaque });
  });

  it.each([COOKIES, "token=abc", `${COOKIES};`])("is cookies: %s", (text) => {
    expect(only(text)).toMatchObject({ kind: "cookies", credentials: { cookies: text } });
  });

  it("is request headers, as the developer tools show them", () => {
    const text = [
      `:authority: chat.qwen.ai`,
      `Authorization: Bearer ${JWT}`,
      `Cookie: ${COOKIES}`,
      "User-Agent: Mozilla/5.0 (X11)",
      "bx-ua: 231!abc:def",
      "X-Other: no",
    ];
    expect(only(text.slice(1).join("\n"))).toMatchObject({
      kind: "headers",
      credentials: { token: JWT, cookies: COOKIES, userAgent: "Mozilla/5.0 (X11)", "bx-ua": "231!abc:def" },
    });
    expect(Object.keys(only(text.slice(1).join("\n")).credentials)).not.toContain("X-Other");
  });

  it("is a command copied as cURL", () => {
    const text = `curl 'https://chat.qwen.ai/api/v2/chats/' \\
  -H 'accept: application/json' \\
  -H 'authorization: Bearer ${JWT}' \\
  -b '${COOKIES}' \\
  -H $'user-agent: It\\'s a browser' \\
  -H "bx-v: 2.5.37"`;
    expect(only(text)).toMatchObject({
      line: 1,
      kind: "curl",
      credentials: { token: JWT, cookies: COOKIES, userAgent: "It's a browser", "bx-v": "2.5.37" },
    });
  });

  it("is the JSON of the page", () => {
    const page = { id: "u1", email: "anna@example.com", name: "Anna", token: JWT, token_type: "Bearer" };
    expect(only(JSON.stringify(page, null, 2))).toMatchObject({
      kind: "json",
      credentials: { token: JWT },
      label: "Anna",
    });
    expect(only(JSON.stringify({ success: true, data: page }))).toMatchObject({
      credentials: { token: JWT },
      label: "Anna",
    });
  });

  it("is what luna or LunaProxy keep", () => {
    const kept = { label: "work", credentials: { token: JWT, cookies: COOKIES, userAgent: "x" } };
    expect(only(JSON.stringify(kept))).toMatchObject({
      label: "work",
      credentials: { token: JWT, cookies: COOKIES, userAgent: "x" },
    });
  });

  it("is an export of cookies", () => {
    const cookies = [
      { name: "token", value: "abc", domain: ".qwen.ai" },
      { name: "acw_tc", value: 1, domain: "chat.qwen.ai" },
    ];
    expect(only(JSON.stringify(cookies))).toMatchObject({
      kind: "cookieList",
      credentials: { cookies: "token=abc; acw_tc=1" },
    });
  });

  it("is the state of a browser that was exported", () => {
    const state = {
      cookies: [{ name: "token", value: "abc" }],
      origins: [{ origin: "https://chat.qwen.ai", localStorage: [{ name: "token", value: `"${JWT}"` }] }],
    };
    expect(only(JSON.stringify(state)).credentials).toEqual({ token: JWT, cookies: "token=abc" });
  });
});

describe("several logins", () => {
  it("stand on a line each, and say on which", () => {
    const found = readPasted(`${JWT}\n\n${COOKIES}\n{"token": "${JWT}", "email": "a@b.c"}\nwhat is this`);
    expect(found.map(({ line, kind, label }) => [line, kind, label])).toEqual([
      [1, "token", ""],
      [3, "cookies", ""],
      [4, "json", "a@b.c"],
      [5, "unknown", ""],
    ]);
  });

  it("are a list", () => {
    const found = readPasted(JSON.stringify([{ token: JWT }, JWT, { nothing: 1 }, 7]));
    expect(found.map(({ kind }) => kind)).toEqual(["json", "token", "unknown", "unknown"]);
  });

  it("are blocks of headers with a blank line between them", () => {
    const found = readPasted(`cookie: a=1\nauthorization: Bearer ${JWT}\n\ncookie: b=2`);
    expect(found.map(({ line, credentials }) => [line, credentials["cookies"]])).toEqual([
      [1, "a=1"],
      [4, "b=2"],
    ]);
  });
});

describe("what is none", () => {
  it.each(["", "\n \n"])("is nothing: %j", (text) => {
    expect(readPasted(text)).toEqual([]);
  });

  it.each(["hello", "a b; c", '{"token": ""}', "{}", "[1]", "curl https://chat.qwen.ai", "user-agent: x", '{"broken'])(
    "is said to be unknown: %s",
    (text) => {
      expect(only(text)).toMatchObject({ kind: "unknown", credentials: {} });
    },
  );
});

it("words of a command may be quoted in every way", () => {
  expect(shellWords(`a 'b c' "d \\"e\\"" $'f\\'g' 'h\\i'`)).toEqual(["a", "b c", 'd "e"', "f'g", "h\\i"]);
});

it("cookies are counted", () => {
  expect(countCookies(COOKIES)).toBe(3);
  expect(countCookies(undefined)).toBe(0);
});
