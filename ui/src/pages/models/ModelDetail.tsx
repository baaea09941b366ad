// One model, whole.
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { Copy } from "../../parts/Copy";
import { Dialog } from "../../parts/Dialog";
import type { Model } from "./Models";
import { Test } from "./Test";

export function ModelDetail({ model, onClose }: { model: Model | undefined; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Dialog side title={model?.name ?? ""} open={model !== undefined} onClose={onClose}>
      {model ? (
        <>
          {model.description ? <p>{model.description}</p> : null}
          <dl className="models-facts">
            <dt>{t("models.id")}</dt>
            <dd>
              <code>{model.id}</code> <Copy text={model.id} />
            </dd>
            <dt>{t("models.context")}</dt>
            <dd>{model.maxContextLength || "–"}</dd>
            <dt>{t("models.output")}</dt>
            <dd>{model.maxGenerationLength || "–"}</dd>
            <dt>{t("models.thinkingLength")}</dt>
            <dd>{model.maxThinkingGenerationLength || "–"}</dd>
            <dt>{t("models.takes")}</dt>
            <dd>{model.modality.map((one) => t(`models.modality.${known(one)}`)).join(", ")}</dd>
            <dt>{t("models.can.thinking")}</dt>
            <dd>{t(`models.thinking.${model.thinking}`)}</dd>
            <dt>{t("models.names")}</dt>
            <dd>
              {model.aliases.length === 0
                ? t("common.none")
                : model.aliases.map((name) => (
                    <code key={name} className="models-alias">
                      {name}
                    </code>
                  ))}
            </dd>
          </dl>
          <Test model={model.id} />
          <p>
            <Link to={`/playground?model=${encodeURIComponent(model.id)}`}>{t("models.talk")}</Link>
          </p>
        </>
      ) : null}
    </Dialog>
  );
}

const MODALITIES = ["text", "image", "video", "audio"] as const;

function known(modality: string): (typeof MODALITIES)[number] | "other" {
  return MODALITIES.find((one) => one === modality) ?? "other";
}
