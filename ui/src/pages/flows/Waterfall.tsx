// Where the time of a flow went: a table whose second column is one time axis.
import { useTranslation } from "react-i18next";

import { duration } from "../../parts/Time";
import { waterfall, type Bar, type Detail } from "./waterfall";

function percent(value: number, end: number): string {
  return `${Math.min(100, Math.max(0, (value / end) * 100))}%`;
}

function exact(milliseconds: number): string {
  return milliseconds < 10 ? `${milliseconds.toFixed(1)} ms` : duration(milliseconds);
}

export function Waterfall({ detail }: { detail: Detail }) {
  const { t } = useTranslation();
  const { bars, end, first } = waterfall(detail);
  if (bars.length === 0) return <p className="soft">{t("flows.times.none")}</p>;

  function name({ name: own, kind }: Bar): string {
    if (own || kind === "stage") return own;
    return t(`flows.times.${kind}`);
  }

  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it may scroll, so the keyboard must reach it
    <div className="scroll-x" tabIndex={0} role="group" aria-label={t("flows.times.title")}>
      <table className="waterfall">
        <caption>
          {t("flows.times.title")} <span className="soft">{t("flows.times.axis", { end: duration(end) })}</span>
        </caption>
        <thead>
          <tr>
            <th scope="col">{t("flows.times.what")}</th>
            <th scope="col">{t("flows.times.bar")}</th>
            <th scope="col">{t("flows.times.from")}</th>
            <th scope="col">{t("flows.times.took")}</th>
          </tr>
        </thead>
        <tbody>
          {bars.map((bar, at) => (
            <tr key={`${at} ${bar.name}`} data-kind={bar.kind}>
              <th scope="row">{name(bar)}</th>
              <td className="waterfall-axis">
                <span
                  className="waterfall-bar"
                  style={{ marginInlineStart: percent(bar.from, end), width: percent(bar.to - bar.from, end) }}
                />
                {bar.mark === null ? null : (
                  <span className="waterfall-mark" style={{ insetInlineStart: percent(bar.mark, end) }} />
                )}
              </td>
              <td data-right>{exact(bar.from)}</td>
              <td data-right>{exact(bar.to - bar.from)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {first === null ? null : <p className="soft">{t("flows.times.first", { time: duration(first) })}</p>}
    </div>
  );
}
