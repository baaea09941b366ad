// A chart over time. The numbers are in a table beside it for whoever cannot see it.
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

import { useShownTheme } from "../app/theme";
import "./parts.css";

export interface Series {
  name: string;
  /** One for each moment; null where there is none. */
  values: readonly (number | null)[];
  tone: "accent" | "good" | "warn" | "bad" | "info";
}

interface Props {
  label: string;
  /** Seconds since the epoch, growing. */
  moments: readonly number[];
  series: readonly Series[];
  /** How a value is written. */
  format?: (value: number) => string;
  height?: number;
  /** A click on a moment (seconds). */
  onPick?: (moment: number) => void;
}

/** A value without neighbours makes no line: it is shown as a point. */
function hasLoneValues(values: Series["values"]): boolean {
  const there = (value: number | null | undefined) => value !== null && value !== undefined;
  return values.some((value, at) => there(value) && !there(values[at - 1]) && !there(values[at + 1]));
}

const DAY = 86_400;

/** Moments as the axis writes them: the time of day, and the date where there is more than a day. */
function writeMoments(language: string, span: number): (plot: uPlot, ticks: number[]) => string[] {
  const options: Intl.DateTimeFormatOptions =
    span > 2 * DAY ? { month: "2-digit", day: "2-digit" } : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const format = new Intl.DateTimeFormat(language, options);
  return (_, ticks) => ticks.map((tick) => format.format(tick * 1000));
}

export function Chart({ label, moments, series, format = String, height = 150, onPick }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const theme = useShownTheme();
  const { t, i18n } = useTranslation();
  const language = i18n.language;
  const picked = useRef(onPick);
  useEffect(() => {
    picked.current = onPick;
  }, [onPick]);

  useEffect(() => {
    const host = place.current;
    if (!host) return;
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
    const axis = { stroke: colour("ink-soft"), grid: { stroke: colour("line") }, ticks: { stroke: colour("line") } };
    const plot = new uPlot(
      {
        width: host.clientWidth,
        height,
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false } },
        axes: [
          { ...axis, size: 32, values: writeMoments(language, (moments.at(-1) ?? 0) - (moments[0] ?? 0)) },
          { ...axis, size: 56, values: (_, ticks) => ticks.map((tick) => format(tick)) },
        ],
        scales: { y: { range: (_, __, max) => [0, Math.max(1, max * 1.1)] } },
        series: [
          {},
          ...series.map((one) => ({
            label: one.name,
            stroke: colour(one.tone),
            width: 1.5,
            fill: `${colour(one.tone)}22`,
            points: { show: hasLoneValues(one.values), size: 5 },
          })),
        ],
      },
      [[...moments], ...series.map((one) => [...one.values])],
      host,
    );
    const click = () => {
      const moment = moments[plot.cursor.idx ?? -1];
      if (moment !== undefined) picked.current?.(moment);
    };
    plot.over.addEventListener("click", click);
    const watch = new ResizeObserver(() => plot.setSize({ width: host.clientWidth, height }));
    watch.observe(host);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [moments, series, height, theme, format, language]);

  return (
    <figure className="chart">
      <figcaption>
        {label}
        <span className="chart-keys">
          {series.map((one) => (
            <span key={one.name} data-tone={one.tone}>
              {one.name}
            </span>
          ))}
        </span>
      </figcaption>
      <div ref={place} aria-hidden="true" />
      <table className="visually-hidden">
        <caption>{label}</caption>
        <thead>
          <tr>
            <th scope="col">{t("common.time")}</th>
            {series.map((one) => (
              <th scope="col" key={one.name}>
                {one.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {moments.slice(-12).map((moment, row) => (
            <tr key={moment}>
              <th scope="row">{new Date(moment * 1000).toLocaleTimeString(language)}</th>
              {series.map((one) => {
                const value = one.values[Math.max(0, moments.length - 12) + row];
                return <td key={one.name}>{value === null || value === undefined ? "–" : format(value)}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
}
