// The time axis: everything that lasted, every read, batch and send; a window of it, and the place where one stands.
import { useTranslation } from "react-i18next";

import { Button } from "../../../parts/Button";
import { batchAt, path, place, rowsOf, visible, zoomed, type Row, type Timeline, type Window } from "./axis";
import { exact } from "./exact";

interface Props {
  told: Timeline;
  window: Window;
  /** Where the chosen batch, or the document, left its stage. */
  here: number;
  n: number;
  onWindow: (window: Window | null) => void;
  onBatch: (n: number) => void;
}

const CLOSER = 0.5;

export function TimeAxis({ told, window, here, n, onWindow, onBatch }: Props) {
  const { t } = useTranslation();
  const rows = rowsOf(told);
  const whole = Math.max(0.05, told.lengthMs);

  function nameOf({ kind, name, bars }: Row): string {
    if (kind === "held") return t("inspect.axis.held", { stage: name });
    if (kind !== "exchange") return t(`inspect.axis.${kind}`);
    const span = bars.find((bar) => bar.kind !== "first-byte")?.kind ?? "exchange";
    return span === "exchange" ? name : t(`inspect.axis.exchanges.${span as "chat"}`);
  }

  return (
    <div className="inspect-axis">
      <div className="inspect-bar">
        <label>
          <span>{t("inspect.scrub")}</span>
          <input
            type="range"
            min={Math.min(1, told.batches)}
            max={told.batches}
            value={n}
            disabled={told.batches < 2}
            aria-valuetext={t("inspect.batchAt", { n, total: told.batches, time: exact(here) })}
            onChange={(event) => onBatch(Number(event.target.value))}
          />
        </label>
        <span className="row">
          <Button onClick={() => onWindow(zoomed(window, here, CLOSER, whole))}>{t("inspect.closer")}</Button>
          <Button onClick={() => onWindow(zoomed(window, here, 1 / CLOSER, whole))}>{t("inspect.further")}</Button>
          <Button onClick={() => onWindow(null)}>{t("inspect.whole")}</Button>
        </span>
      </div>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it may scroll, so the keyboard must reach it */}
      <div className="scroll-x" tabIndex={0} role="group" aria-label={t("inspect.axis.label")}>
        <table className="inspect-rows">
          <thead>
            <tr>
              <th scope="col">{t("inspect.axis.what")}</th>
              <th scope="col">
                <span className="inspect-ends">
                  <span>{exact(window.from)}</span>
                  <span className="visually-hidden">–</span>
                  <span>{exact(window.to)}</span>
                </span>
              </th>
              <th scope="col">{t("inspect.axis.took")}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.key} data-kind={row.kind}>
                <th scope="row">{nameOf(row)}</th>
                {/* A click goes to the batch there; by keyboard the slider above does the same. */}
                <td
                  className="inspect-track"
                  onClick={(event) => {
                    const box = event.currentTarget.getBoundingClientRect();
                    const share = (event.clientX - box.left) / box.width;
                    const found = batchAt(rows, window.from + share * (window.to - window.from));
                    if (told.batches > 0) onBatch(Math.max(1, found));
                  }}
                >
                  <Track row={row} window={window} />
                  {here >= window.from && here <= window.to ? (
                    <span className="inspect-here" style={{ insetInlineStart: `${place(here, window)}%` }} />
                  ) : null}
                </td>
                <td data-right>{took(row)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );

  function took({ bars, total, kind }: Row): string {
    const count = total > 0 ? t("inspect.axis.pieces", { count: total }) : "";
    if (kind === "batches") return count;
    const from = Math.min(...bars.map((bar) => bar.from));
    const to = Math.max(...bars.map((bar) => bar.to));
    const long = kind === "held" ? bars.reduce((sum, bar) => sum + bar.to - bar.from, 0) : to - from;
    return [exact(Number.isFinite(long) ? long : 0), count].filter(Boolean).join(" · ");
  }
}

function Track({ row, window }: { row: Row; window: Window }) {
  const ticks = path(row.ticks, window);
  return (
    <>
      {row.bars.map((bar, index) => {
        const seen = visible(bar, window);
        return seen ? (
          <span
            key={`${index} ${bar.name}`}
            className="inspect-span"
            data-kind={bar.kind}
            title={`${bar.name} ${exact(bar.from)} – ${exact(bar.to)}`.trim()}
            style={{ insetInlineStart: `${seen.start}%`, width: `${seen.width}%` }}
          />
        ) : null;
      })}
      {ticks ? (
        <svg className="inspect-ticks" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
          <path d={ticks} vectorEffect="non-scaling-stroke" />
        </svg>
      ) : null}
    </>
  );
}
