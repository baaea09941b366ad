// The boundaries in the order in which the data met them. The chosen one is marked, and what changed something, too.
import { useTranslation } from "react-i18next";

import { Badge } from "../../../parts/Badge";
import type { Timeline } from "./axis";
import { exact } from "./exact";

export function Boundaries({ told, at, onChoose }: { told: Timeline; at: string; onChoose: (name: string) => void }) {
  const { t } = useTranslation();
  return (
    <nav aria-label={t("inspect.boundaries")}>
      <ol className="inspect-boundaries">
        {told.boundaries.map((boundary) => (
          <li key={boundary.name} data-side={boundary.side}>
            <button
              type="button"
              aria-current={boundary.name === at ? "step" : undefined}
              onClick={() => onChoose(boundary.name)}
            >
              <code>{boundary.name}</code>
              <span className="soft">{exact(boundary.atMs)}</span>
              {boundary.changed > 0 ? (
                <Badge tone="info">
                  {boundary.side === "request"
                    ? t("inspect.changed")
                    : t("inspect.changedBatches", { count: boundary.changed })}
                </Badge>
              ) : null}
            </button>
          </li>
        ))}
      </ol>
    </nav>
  );
}
