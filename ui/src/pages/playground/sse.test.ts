import { describe, expect, it } from "vitest";

import { SseReader, type Message } from "./sse";

const bytes = (text: string) => new TextEncoder().encode(text);

/** Read the bytes in pieces of these lengths. */
function read(data: Uint8Array, cuts: readonly number[]): Message[] {
  const reader = new SseReader();
  const found: Message[] = [];
  let from = 0;
  for (const cut of [...cuts, data.length]) {
    found.push(...reader.feed(data.slice(from, cut)));
    from = cut;
  }
  return [...found, ...reader.end()];
}

const CASES: [string, string, Message[]][] = [
  ["one message", "data: a\n\n", [{ event: "message", data: "a" }]],
  ["a named one", "event: ping\ndata: {}\n\n", [{ event: "ping", data: "{}" }]],
  ["several lines", "data: a\ndata: b\n\n", [{ event: "message", data: "a\nb" }]],
  ["without the space", "data:a\n\n", [{ event: "message", data: "a" }]],
  ["two spaces, one of them data", "data:  a\n\n", [{ event: "message", data: " a" }]],
  ["an empty line of data", "data\n\n", [{ event: "message", data: "" }]],
  ["nothing but a name", "event: x\n\ndata: b\n\n", [{ event: "message", data: "b" }]],
  ["fields nobody needs", "id: 1\nretry: 5\nodd: x\ndata: a\n\n", [{ event: "message", data: "a" }]],
  [
    "a comment",
    ": keep-alive\n\ndata: a\n\n",
    [
      { event: "", data: "keep-alive" },
      { event: "message", data: "a" },
    ],
  ],
  ["an unfinished message", "data: a\n\ndata: b\n", [{ event: "message", data: "a" }]],
  ["letters of several bytes", "data: Việt 中文 🌙\n\n", [{ event: "message", data: "Việt 中文 🌙" }]],
  ["a mark at the beginning", "\ufeffdata: a\n\n", [{ event: "message", data: "a" }]],
];

describe("reading server-sent events", () => {
  it.each(CASES)("%s", (_, text, expected) => {
    expect(read(bytes(text), [])).toEqual(expected);
  });

  it.each(CASES)("%s, cut anywhere", (_, text, expected) => {
    const data = bytes(text);
    for (let cut = 0; cut <= data.length; cut++) {
      expect(read(data, [cut]), `cut at ${cut}`).toEqual(expected);
    }
    expect(read(data, Array.from(data.keys())), "byte by byte").toEqual(expected);
  });

  it.each(["\n", "\r", "\r\n"])("ends of lines as %j, cut anywhere", (end) => {
    const data = bytes(`event: a${end}data: 1${end}${end}data: 2${end}data: 3${end}${end}`);
    const expected = [
      { event: "a", data: "1" },
      { event: "message", data: "2\n3" },
    ];
    for (let first = 0; first <= data.length; first++) {
      for (let second = first; second <= data.length; second++) {
        expect(read(data, [first, second]), `cut at ${first} and ${second}`).toEqual(expected);
      }
    }
  });

  it("takes a long stream in one piece", () => {
    const many = Array.from({ length: 3000 }, (_, index) => `data: {"n":${index}}\n\n`).join("");
    expect(read(bytes(many), []).length).toBe(3000);
  });
});
