// Where the stages of a pipeline stand in its graph: the request goes down on the left, the answer comes back up on the
// right. Pure.
import dagre from "@dagrejs/dagre";

import type { Pipeline } from "./data";

export const WIDTH = 188;
export const HEIGHT = 44;
export const CLIENT = "@client";

export interface Box {
  id: string;
  x: number;
  y: number;
}

/** An arrow in the direction in which the data flows. */
export interface Arrow {
  from: string;
  to: string;
  /** Towards the client. */
  back: boolean;
}

export interface Layout {
  boxes: Box[];
  arrows: Arrow[];
  width: number;
  height: number;
}

type Shape = Pick<Pipeline, "stages">;

/** The boxes of the client and of every stage, and the arrows between them. */
export function layout(pipeline: Shape): Layout {
  const arrows = arrowsOf(pipeline);
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "TB", nodesep: 36, ranksep: 26, marginx: 4, marginy: 4 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const id of [CLIENT, ...pipeline.stages.map((stage) => stage.name)]) {
    graph.setNode(id, { width: WIDTH, height: HEIGHT });
  }
  // The way back is laid out from the client too: both ways then go from the top to the far end.
  for (const { from, to, back } of arrows) graph.setEdge(back ? to : from, back ? from : to);
  dagre.layout(graph);
  const placed = graph.nodes().map((id) => ({ id, ...(graph.node(id) as { x: number; y: number }) }));
  const size = graph.graph() as { width?: number; height?: number };
  const flipped = isFlipped(pipeline, placed);
  const width = size.width ?? 0;
  return {
    boxes: placed.map(({ id, x, y }) => ({ id, x: (flipped ? width - x : x) - WIDTH / 2, y: y - HEIGHT / 2 })),
    arrows,
    width,
    height: size.height ?? 0,
  };
}

function arrowsOf({ stages }: Shape): Arrow[] {
  const far = stages.findIndex((stage) => stage.side === "transport" || stage.side === "answer");
  const names = stages.map((stage) => stage.name);
  const down = [CLIENT, ...names.slice(0, far + 1)];
  const up = [...names.slice(far), CLIENT];
  return [...pairs(down, false), ...pairs(up, true)];
}

function pairs(names: readonly string[], back: boolean): Arrow[] {
  return names.slice(1).map((to, index) => ({ from: names[index] ?? "", to, back }));
}

/** Dagre may put either way on the left. */
function isFlipped({ stages }: Shape, placed: readonly Box[]): boolean {
  const x = (side: string) => {
    const name = stages.find((stage) => stage.side === side)?.name;
    return placed.find((box) => box.id === name)?.x;
  };
  const down = x("request") ?? 0;
  const up = x("encode") ?? Infinity;
  return down > up;
}
