// Two runs of a flow side by side: what each came to, and where they part.
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { Badge } from "../../../parts/Badge";
import { Button } from "../../../parts/Button";
import { bytes } from "../../../parts/Time";
import { Diff } from "./Diff";
import type { Comparison } from "./useInspect";

interface Props {
  result: Comparison;
  onOpen: (replay: string) => void;
  onClose: () => void;
}

export function Result({ result, onOpen, onClose }: Props) {
  const { t } = useTranslation();
  const { before, after, differences, left } = result;
  const first = differences[0];
  const isFlow = after.id.startsWith("flow_");
  const sides = [
    [t("inspect.result.then"), before],
    [t("inspect.result.now"), after],
  ] as const;
  return (
    <section className="inspect-result" aria-label={t("inspect.result.label")}>
      <header className="inspect-bar">
        <h3 role="status">
          {first ? (
            <Badge tone="warn">{t("inspect.result.differs", { boundary: first.boundary })}</Badge>
          ) : (
            <Badge tone="good">{t("inspect.result.identical")}</Badge>
          )}
        </h3>
        <span className="row">
          {isFlow ? (
            <Link className="button" to={`/flows/${after.id}?tab=inspect`}>
              {t("inspect.result.openFlow")}
            </Link>
          ) : (
            <Button onClick={() => onOpen(after.id)}>{t("inspect.result.open")}</Button>
          )}
          <Button quiet onClick={onClose}>
            {t("common.close")}
          </Button>
        </span>
      </header>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it may scroll, so the keyboard must reach it */}
      <div className="scroll-x" tabIndex={0} role="group" aria-label={t("inspect.result.sides")}>
        <table className="inspect-sides">
          <thead>
            <tr>
              <th scope="col">{t("inspect.result.run")}</th>
              <th scope="col">{t("inspect.result.pipeline")}</th>
              <th scope="col">{t("inspect.result.outcome")}</th>
              <th scope="col">{t("inspect.result.status")}</th>
              <th scope="col">{t("inspect.result.size")}</th>
            </tr>
          </thead>
          <tbody>
            {sides.map(([name, side]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{side.pipeline}</td>
                <td>{side.outcome}</td>
                <td>{side.status || "–"}</td>
                <td>{bytes(side.size)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {left.length > 0 ? <p className="soft">{t("inspect.result.left", { what: left.join(", ") })}</p> : null}
      {differences.map(({ boundary, diff, cut }, index) => (
        <details key={boundary} open={index === 0}>
          <summary>
            <code>{boundary}</code>
          </summary>
          <Diff text={diff} />
          {cut ? <p className="soft">{t("flows.stages.more")}</p> : null}
        </details>
      ))}
    </section>
  );
}
