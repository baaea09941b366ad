// One stage in full: what it does, every option with its value, default and meaning, and where it is written.
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Prose } from "../../parts/Prose";
import { addressOf, written, type Option, type Stage } from "./data";
import { sideOf } from "./sides";

export function StageDetail({ stage, onClose }: { stage: Stage; onClose: () => void }) {
  const { t } = useTranslation();
  const { place } = stage;
  return (
    <section className="card" aria-label={stage.name}>
      <div className="dialog-head">
        <h2>{stage.name}</h2>
        <Button quiet aria-label={t("pipelines.stage.close")} onClick={onClose}>
          <span aria-hidden="true">✕</span>
        </Button>
      </div>
      <div className="row">
        <Badge>{sideOf(t, stage.side)}</Badge>
        {stage.use !== stage.name ? (
          <span>
            {t("pipelines.stage.uses")} <code>{stage.use}</code>
          </span>
        ) : null}
        {place ? (
          <Link to={addressOf(place)}>{t("pipelines.stage.edit", { place: `${place.file}:${place.line}` })}</Link>
        ) : null}
      </div>
      <p>
        <Prose text={stage.about} />
      </p>
      {stage.options.length > 0 ? <Options options={stage.options} /> : <p>{t("pipelines.stage.noOptions")}</p>}
    </section>
  );
}

export function Options({ options }: { options: readonly Option[] }) {
  const { t } = useTranslation();
  return (
    <dl className="options">
      {options.map((option) => (
        <div key={option.name} className="options-one">
          <dt>
            <code>{option.name}</code>
          </dt>
          <dd>
            <code className="options-value">{written(option.value)}</code>{" "}
            {option.written ? (
              <Link to={addressOf(option.written)}>
                {option.written.file}:{option.written.line}
              </Link>
            ) : (
              <span className="soft">{t("pipelines.stage.default")}</span>
            )}
          </dd>
          <dd className="soft">
            <Prose text={option.about} />{" "}
            {option.takes ? (
              <>
                (<Prose text={option.takes} />
                {option.required
                  ? `; ${t("pipelines.stage.required")}`
                  : option.written
                    ? `; ${t("pipelines.stage.default")}: ${written(option.default)}`
                    : ""}
                )
              </>
            ) : null}
          </dd>
        </div>
      ))}
    </dl>
  );
}
