import { describe, expect, it } from "vitest";

import { CLIENT, HEIGHT, layout, WIDTH } from "./layout";

function pipeline(...stages: [string, string][]) {
  return {
    stages: stages.map(([name, side]) => ({ name, use: name, side, about: "", place: null, options: [] })),
  };
}
const CHAT = pipeline(
  ["auth", "request"],
  ["decode", "request"],
  ["schedule", "around"],
  ["qwen", "transport"],
  ["limit", "response"],
  ["encode", "encode"],
);
const MODELS = pipeline(["auth", "request"], ["models", "answer"]);

describe("the graph of a pipeline", () => {
  it("leads from the client to the far end and back", () => {
    const ways = layout(CHAT).arrows.map(({ from, to }) => `${from}>${to}`);
    expect(ways).toEqual([
      `${CLIENT}>auth`,
      "auth>decode",
      "decode>schedule",
      "schedule>qwen",
      "qwen>limit",
      "limit>encode",
      `encode>${CLIENT}`,
    ]);
    expect(layout(CHAT).arrows.filter(({ back }) => back)).toHaveLength(3);
    expect(layout(MODELS).arrows.map(({ from, to }) => `${from}>${to}`)).toEqual([
      `${CLIENT}>auth`,
      "auth>models",
      `models>${CLIENT}`,
    ]);
  });
  it("has the client at the top, the far end at the bottom, the request on the left", () => {
    const at = Object.fromEntries(layout(CHAT).boxes.map((box) => [box.id, box]));
    const ys = Object.values(at).map((box) => box.y);
    expect(at[CLIENT]?.y).toBe(Math.min(...ys));
    expect(at["qwen"]?.y).toBe(Math.max(...ys));
    expect(at["auth"]?.x).toBeLessThan(at["encode"]?.x ?? 0);
    expect(at["auth"]?.y).toBeLessThan(at["decode"]?.y ?? 0);
    expect(at["encode"]?.y).toBeLessThan(at["limit"]?.y ?? 0);
  });
  it("lays no box over another", () => {
    const { boxes } = layout(CHAT);
    for (const one of boxes) {
      const near = boxes.filter(
        ({ id, x, y }) => id !== one.id && Math.abs(x - one.x) < WIDTH && Math.abs(y - one.y) < HEIGHT,
      );
      expect(near).toEqual([]);
    }
  });
});
