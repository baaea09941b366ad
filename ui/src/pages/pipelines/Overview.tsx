// The pipelines: a list of all, the graph of one, its stages as a list, and one stage in full.
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams, useSearchParams } from "react-router";

import type { components } from "../../api/schema";
import { Empty, Loading } from "../../parts/Empty";
import { Prose } from "../../parts/Prose";
import { flowsOf, useStageCounts } from "./data";
import { StageDetail } from "./StageDetail";
import { StageList } from "./StageList";

const Graph = lazy(() => import("./Graph"));

export function Overview({ data }: { data: components["schemas"]["PipelinesView"] }) {
  const { t } = useTranslation();
  const { name } = useParams();
  const [asked, ask] = useSearchParams();
  const counts = useStageCounts();
  const first = data.routes.at(-1)?.pipeline ?? data.pipelines[0]?.name;
  const chosen = name ?? first;
  const pipeline = data.pipelines.find((each) => each.name === chosen);
  const stage = pipeline?.stages.find((each) => each.name === asked.get("stage"));
  const choose = (to: string) => ask(to === stage?.name ? {} : { stage: to }, { replace: true });

  return (
    <div className="pipelines">
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
      {pipeline ? (
        <>
          <section className="pipelines-graph" aria-label={t("pipelines.graph.label", { name: pipeline.name })}>
            <p className="soft">{t("pipelines.graph.about")}</p>
            <Suspense fallback={<Loading />}>
              <Graph
                key={pipeline.name}
                pipeline={pipeline}
                counts={counts[pipeline.name] ?? {}}
                chosen={stage?.name}
                onChoose={choose}
              />
            </Suspense>
          </section>
          <div className="pipelines-detail">
            {stage ? (
              <StageDetail stage={stage} onClose={() => choose(stage.name)} />
            ) : (
              <p className="soft">
                <Prose text={t("pipelines.stage.choose")} />
              </p>
            )}
            <StageList
              pipeline={pipeline}
              counts={counts[pipeline.name] ?? {}}
              chosen={stage?.name}
              onChoose={choose}
            />
          </div>
        </>
      ) : (
        <Empty title={t("pipelines.list.none")}>
          <p>{t("pipelines.list.noneHint")}</p>
        </Empty>
      )}
    </div>
  );
}
