// The lines of the log that are about one flow, oldest first.
import { useTranslation } from "react-i18next";

import type { components } from "../../api/schema";
import { Badge, type Tone } from "../../parts/Badge";
import { clock } from "../../parts/clock";

type Sent = components["schemas"]["LogView"];
/** luna leaves out fields where there are none. */
type Line = Partial<Sent> & Omit<Sent, "flow" | "fields">;

const TONES: Record<string, Tone> = { error: "bad", warning: "warn", info: "info" };

export function FlowLog({ lines }: { lines: readonly Line[] }) {
  const { t, i18n } = useTranslation();
  if (lines.length === 0) return <p className="soft">{t("flows.log.none")}</p>;
  return (
    <ol className="flow-log">
      {lines.map((line) => {
        const fields = Object.entries<unknown>(line.fields ?? {});
        return (
          <li key={line.id}>
            <p className="row">
              <span className="soft">{clock(line.timestamp, i18n.language)}</span>
              <Badge tone={TONES[line.level] ?? "plain"}>{line.level}</Badge>
              <span className="soft mono">{line.logger}</span>
            </p>
            <p className="flow-log-text">{line.message}</p>
            {fields.length > 0 ? (
              <details>
                <summary>{t("flows.log.fields")}</summary>
                <dl className="facts">
                  {fields.map(([name, value]) => (
                    <div key={name}>
                      <dt>{name}</dt>
                      <dd>{typeof value === "string" ? value : JSON.stringify(value)}</dd>
                    </div>
                  ))}
                </dl>
              </details>
            ) : null}
          </li>
        );
      })}
    </ol>
  );
}
