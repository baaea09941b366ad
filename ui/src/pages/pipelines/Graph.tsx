// The graph of one pipeline, React Flow. Loaded with the first one that is shown.
import { Controls, Handle, MarkerType, Position, ReactFlow, type Edge, type Node, type NodeProps } from "@xyflow/react";
import "@xyflow/react/dist/base.css";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";

import { useShownTheme } from "../../app/theme";
import type { Pipeline } from "./data";
import { CLIENT, HEIGHT, layout, WIDTH } from "./layout";
import { sideOf } from "./sides";
import "./graph.css";

interface Shown extends Record<string, unknown> {
  name: string;
  side: string;
  sideName: string;
  /** How many flows are at it, in words. */
  now: string;
  flows: number;
  own: number;
  chosen: boolean;
  onChoose: ((stage: string) => void) | undefined;
}

interface Props {
  pipeline: Pipeline;
  counts: Readonly<Record<string, number>>;
  chosen: string | undefined;
  onChoose: (stage: string) => void;
}

const kinds = { stage: StageBox };

export default function Graph({ pipeline, counts, chosen, onChoose }: Props) {
  const { t } = useTranslation();
  const theme = useShownTheme();
  const plan = useMemo(() => layout(pipeline), [pipeline]);

  const nodes: Node<Shown>[] = plan.boxes.map(({ id, x, y }) => {
    const stage = pipeline.stages.find((each) => each.name === id);
    const name = stage?.name ?? t("pipelines.graph.client");
    const sideName = stage ? sideOf(t, stage.side) : "";
    const flows = stage ? (counts[id] ?? 0) : 0;
    return {
      id,
      type: "stage",
      position: { x, y },
      width: WIDTH,
      height: HEIGHT,
      data: {
        name,
        side: stage?.side ?? "client",
        sideName,
        now: t("pipelines.list.flows", { count: flows }),
        flows,
        own: stage?.options.filter((option) => option.written).length ?? 0,
        chosen: id === chosen,
        onChoose: id === CLIENT ? undefined : onChoose,
      },
    };
  });
  const edges: Edge[] = plan.arrows.map(({ from, to, back }) => ({
    id: `${from}>${to}`,
    source: from,
    target: to,
    sourceHandle: back ? "up" : "down",
    targetHandle: back ? "from-below" : "from-above",
    type: "smoothstep",
    markerEnd: { type: MarkerType.ArrowClosed, color: "var(--line-strong)" },
    focusable: false,
  }));

  return (
    <div className="graph" style={{ aspectRatio: `${plan.width} / ${plan.height}` }}>
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={kinds}
        colorMode={theme}
        fitView
        fitViewOptions={{ padding: 0.02 }}
        minZoom={0.3}
        maxZoom={1.6}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        zoomOnScroll={false}
        zoomOnDoubleClick={false}
        preventScrolling={false}
        attributionPosition="bottom-left"
        aria-label={t("pipelines.graph.label", { name: pipeline.name })}
        ariaLabelConfig={{
          "controls.ariaLabel": t("pipelines.graph.controls"),
          "controls.zoomIn.ariaLabel": t("pipelines.graph.zoomIn"),
          "controls.zoomOut.ariaLabel": t("pipelines.graph.zoomOut"),
          "controls.fitView.ariaLabel": t("pipelines.graph.fit"),
        }}
      >
        <Controls showInteractive={false} position="top-right" orientation="horizontal" />
      </ReactFlow>
    </div>
  );
}

function StageBox({ data }: NodeProps<Node<Shown>>) {
  const end = ["client", "transport", "answer"].includes(data.side);
  // Both ways meet at the ends, the one on the left, the other on the right.
  const handles = (
    <>
      <Handle type="target" id="from-above" position={Position.Top} className={end ? "graph-left" : ""} />
      <Handle type="source" id="down" position={Position.Bottom} className={end ? "graph-left" : ""} />
      <Handle type="target" id="from-below" position={Position.Bottom} className={end ? "graph-right" : ""} />
      <Handle type="source" id="up" position={Position.Top} className={end ? "graph-right" : ""} />
    </>
  );
  const { onChoose } = data;
  if (!onChoose) {
    return (
      <div className="graph-box" data-side={data.side}>
        {handles}
        <strong>{data.name}</strong>
      </div>
    );
  }
  return (
    <button
      type="button"
      className="graph-box nodrag nopan"
      data-side={data.side}
      data-busy={data.flows > 0 || undefined}
      aria-pressed={data.chosen}
      onClick={() => onChoose(data.name)}
    >
      {handles}
      <strong>{data.name}</strong>
      <span className="graph-side">{data.sideName}</span>
      {data.flows > 0 ? (
        <span className="graph-flows" aria-hidden="true">
          {data.flows}
        </span>
      ) : null}
      <span className="visually-hidden">{data.now}</span>
      {data.own > 0 ? (
        <span className="graph-own" aria-hidden="true">
          {"•".repeat(Math.min(data.own, 5))}
        </span>
      ) : null}
    </button>
  );
}
