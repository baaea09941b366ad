// The models, one in each row.
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { flowsPath, term } from "../flows/filter";
import { can, CAPABILITIES, tokens } from "./find";
import type { Model } from "./Models";
import { Test } from "./Test";

export function ModelTable({ models, onChoose }: { models: readonly Model[]; onChoose: (model: Model) => void }) {
  const { t } = useTranslation();
  return (
    <div className="scroll-x">
      <table className="plain-table models-table">
        <caption className="visually-hidden">{t("shell.pages.models")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("models.name")}</th>
            <th scope="col">{t("models.context")}</th>
            <th scope="col">{t("models.output")}</th>
            <th scope="col">{t("models.capabilities")}</th>
            <th scope="col">{t("models.runs")}</th>
            <th scope="col">{t("models.test")}</th>
          </tr>
        </thead>
        <tbody>
          {models.map((model) => (
            <tr key={model.id}>
              <th scope="row">
                <Button quiet className="models-name" onClick={() => onChoose(model)}>
                  {model.name}
                </Button>
                <code>{model.id}</code>
              </th>
              <td title={model.maxContextLength}>{tokens(model.contextTokens)}</td>
              <td title={model.maxGenerationLength}>{tokens(model.maxOutputTokens)}</td>
              <td>
                <span className="row">
                  {CAPABILITIES.filter((one) => can(model, one)).map((one) => (
                    <Badge key={one}>{t(`models.can.${one}`)}</Badge>
                  ))}
                </span>
              </td>
              <td>
                {model.runs > 0 ? (
                  <Link to={flowsPath(term("m", model.id))}>{model.runs}</Link>
                ) : (
                  <span className="soft">0</span>
                )}
              </td>
              <td>
                <Test model={model.id} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
