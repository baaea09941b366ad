// luna's answer to "which route would this request take?".
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import type { components } from "../../api/schema";
import { Badge, type Tone } from "../../parts/Badge";
import { written } from "./data";
import { sideOf } from "./sides";

const TONES: Record<string, Tone> = { matches: "good", refuses: "plain", "not asked": "plain" };

export function Explanation({ answer }: { answer: components["schemas"]["Explained"] }) {
  const { t } = useTranslation();
  const { route, pipeline, model } = answer;
  const target = answer.target ?? model ?? "";
  return (
    <div className="card">
      <h2>{route && pipeline ? t("pipelines.explain.taken", { route, pipeline }) : t("pipelines.explain.none")}</h2>
      {answer.problem ? (
        <p>
          <Badge tone="warn">{t("editor.warning")}</Badge> {t("pipelines.explain.problem", { problem: answer.problem })}
        </p>
      ) : null}
      {model ? (
        <p>
          {target !== model
            ? t("pipelines.explain.modelGoes", { model, target })
            : t("pipelines.explain.modelStays", { model })}
        </p>
      ) : null}
      {answer.record ? (
        <p>
          {t("pipelines.explain.recording", {
            record: t(`pipelines.records.${answer.record as "off" | "errors" | "all"}`),
          })}
        </p>
      ) : null}
      <h3>{t("pipelines.explain.routes")}</h3>
      <ol className="verdicts">
        {answer.routes.map((one) => (
          <li key={one.route} data-verdict={one.verdict}>
            <Badge tone={TONES[one.verdict] ?? "plain"}>{t(`pipelines.explain.verdicts.${one.verdict}`)}</Badge>
            <strong>{one.route}</strong>
            <span className="soft">{one.reason}</span>
          </li>
        ))}
      </ol>
      {pipeline ? (
        <>
          <h3>{t("pipelines.explain.stages")}</h3>
          <ol className="verdicts">
            {answer.stages.map((stage) => (
              <li key={stage.name}>
                <Link to={`/pipelines/${encodeURIComponent(pipeline)}?stage=${encodeURIComponent(stage.name)}`}>
                  {stage.name}
                </Link>
                <span className="soft">{sideOf(t, stage.side)}</span>
                {stage.options
                  .filter((option) => option.written)
                  .map((option) => (
                    <code key={option.name}>
                      {option.name}: {written(option.value)}
                    </code>
                  ))}
              </li>
            ))}
          </ol>
        </>
      ) : null}
    </div>
  );
}
