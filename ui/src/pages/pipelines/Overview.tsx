// The pipelines: a list of all, the graph of one, and beside it its stages or its text.
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams, useSearchParams } from "react-router";

import type { components } from "../../api/schema";
import { Empty, Loading } from "../../parts/Empty";
import { Tabs } from "../../parts/Tabs";
import { Beside } from "./Beside";
import { flowsOf, useStageCounts, type StageCounts } from "./data";
import { StageDetail } from "./StageDetail";
import { StageList } from "./StageList";

type Data = components["schemas"]["PipelinesView"];

const Graph = lazy(() => import("./Graph"));

export function Overview({ data }: { data: Data }) {
  const { t } = useTranslation();
  const { name } = useParams();
  const [asked, ask] = useSearchParams();
  const counts = useStageCounts();
  const first = data.routes.at(-1)?.pipeline ?? data.pipelines[0]?.name ?? "";
  const chosen = name ?? first;
  const pipeline = data.pipelines.find((each) => each.name === chosen);
  const stage = pipeline?.stages.find((each) => each.name === asked.get("stage"));
  const beside = asked.get("beside") === "text" ? "text" : "stages";

  function show(change: Record<string, string>): void {
    const next = new URLSearchParams({ stage: stage?.name ?? "", beside, ...change });
    if (next.get("stage") === "") next.delete("stage");
    if (next.get("beside") === "stages") next.delete("beside");
    ask(next, { replace: true });
  }
  // In the text another click leads there again; elsewhere it closes the stage.
  const choose = (to: string) => show({ stage: to === stage?.name && beside === "stages" ? "" : to });

  if (!pipeline) {
    return (
      <div className="pipelines">
        <PipelineList data={data} counts={counts} chosen={chosen} />
        <Empty title={t("pipelines.list.none")}>
          <p>{t("pipelines.list.noneHint")}</p>
        </Empty>
      </div>
    );
  }
  const flows = counts[pipeline.name] ?? {};
  const list = <StageList pipeline={pipeline} counts={flows} chosen={stage?.name} onChoose={choose} />;
  return (
    <div className="pipelines">
      <PipelineList data={data} counts={counts} chosen={chosen} />
      <section className="pipelines-graph" aria-label={t("pipelines.graph.label", { name: pipeline.name })}>
        <p className="soft">{t("pipelines.graph.about")}</p>
        <Suspense fallback={<Loading />}>
          <Graph key={pipeline.name} pipeline={pipeline} counts={flows} chosen={stage?.name} onChoose={choose} />
        </Suspense>
      </section>
      <div className="pipelines-detail">
        <Tabs
          label={t("pipelines.beside.label")}
          chosen={beside}
          onChoose={(to) => show({ beside: to })}
          tabs={[
            {
              id: "stages",
              name: t("pipelines.beside.stages"),
              content: (
                <div className="page">
                  {stage ? (
                    <StageDetail stage={stage} onClose={() => show({ stage: "" })} />
                  ) : (
                    <p className="soft">{t("pipelines.stage.choose")}</p>
                  )}
                  {list}
                </div>
              ),
            },
            {
              id: "text",
              name: t("pipelines.beside.text"),
              content: <Beside key={pipeline.name} pipeline={pipeline} stage={stage?.name} data={data} />,
            },
          ]}
        />
      </div>
    </div>
  );
}

interface ListProps {
  data: Data;
  counts: StageCounts["pipelines"];
  chosen: string;
}

function PipelineList({ data, counts, chosen }: ListProps) {
  const { t } = useTranslation();
  return (
    <nav className="pipelines-list" aria-label={t("pipelines.list.label")}>
      <ul>
        {data.pipelines.map((each) => (
          <li key={each.name}>
            <Link
              to={`/pipelines/${encodeURIComponent(each.name)}`}
              className="pipelines-one"
              aria-current={each.name === chosen ? "page" : undefined}
            >
              <strong>{each.name}</strong>
              {flowsOf(counts, each.name) > 0 ? (
                <span className="pipelines-count">
                  {t("pipelines.list.flows", { count: flowsOf(counts, each.name) })}
                </span>
              ) : null}
              <span className="soft">{each.about}</span>
              <span className="soft">
                {each.routes.length > 0
                  ? t("pipelines.list.routes", { routes: each.routes.join(", ") })
                  : t("pipelines.list.noRoute")}
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
