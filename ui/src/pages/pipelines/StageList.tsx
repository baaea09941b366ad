// The stages of a pipeline as a list: the same as the graph, for whoever reads rather than looks.
import { useTranslation } from "react-i18next";

import { written, type Pipeline } from "./data";
import { sideOf } from "./sides";

interface Props {
  pipeline: Pipeline;
  counts: Readonly<Record<string, number>>;
  chosen: string | undefined;
  onChoose: (stage: string) => void;
}

export function StageList({ pipeline, counts, chosen, onChoose }: Props) {
  const { t } = useTranslation();
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls where the page is narrow
    <div className="scroll-x" tabIndex={0} role="group" aria-label={t("pipelines.stages.label", pipeline)}>
      <table className="plain-table stages" aria-label={t("pipelines.stages.label", pipeline)}>
        <thead>
          <tr>
            <th scope="col">{t("pipelines.stages.stage")}</th>
            <th scope="col">{t("pipelines.stages.side")}</th>
            <th scope="col" data-right>
              {t("pipelines.stages.flows")}
            </th>
            <th scope="col">{t("pipelines.stages.options")}</th>
          </tr>
        </thead>
        <tbody>
          {pipeline.stages.map((stage) => {
            const own = stage.options.filter((option) => option.written);
            return (
              <tr key={stage.name} data-chosen={stage.name === chosen || undefined}>
                <th scope="row">
                  <button
                    type="button"
                    className="stages-name"
                    aria-pressed={stage.name === chosen}
                    onClick={() => onChoose(stage.name)}
                  >
                    {stage.name}
                  </button>
                </th>
                <td>{sideOf(t, stage.side)}</td>
                <td data-right>{counts[stage.name] ?? 0}</td>
                <td>
                  {own.length > 0 ? (
                    own.map((option) => (
                      <div key={option.name}>
                        <code>
                          {option.name}: {written(option.value)}
                        </code>
                      </div>
                    ))
                  ) : (
                    <span className="soft">{stage.options.length > 0 ? t("pipelines.stages.usual") : "–"}</span>
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
