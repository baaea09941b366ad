// A chart over time. Whoever points at a moment, or walks to it by the arrow keys, reads its values; a click or Enter
// picks it. The last numbers are in a table beside it.
import { useEffect, useMemo, useRef, useState } from "react";
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
  /** The value at the upper end, where that does not depend on the others. */
  most?: number;
  /** A moment (seconds) was picked. */
  onPick?: (moment: number) => void;
}

const DAY = 86_400;
/** Pixels of one sign on an axis, roughly. */
const SIGN = 8;
/** Steps of whole numbers, and of shares of one whole. */
const STEPS = Array.from({ length: 12 }, (_, zeros) => [1, 2, 5].map((step) => step * 10 ** zeros)).flat();
const SHARES = [0.25, 0.5];

function isThere(value: number | null | undefined): boolean {
  return value !== null && value !== undefined;
}

/** A value without neighbours makes no line: it is shown as a point. */
function hasLoneValues(plot: uPlot, series: number): boolean {
  const values = plot.data[series] ?? [];
  for (let at = 0; at < values.length; at++)
    if (isThere(values[at]) && !isThere(values[at - 1]) && !isThere(values[at + 1])) return true;
  return false;
}

/** Moments as they are written: the time of day, and the date where there is more than a day. */
function momentsIn(language: string, moments: ArrayLike<number>): (moment: number) => string {
  const span = (moments[moments.length - 1] ?? 0) - (moments[0] ?? 0);
  const options: Intl.DateTimeFormatOptions =
    span > 2 * DAY ? { month: "2-digit", day: "2-digit" } : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const format = new Intl.DateTimeFormat(language, options);
  return (moment) => format.format(moment * 1000);
}

interface Made {
  host: HTMLElement;
  height: number;
  language: string;
  tones: readonly Series["tone"][];
  format: (value: number) => string;
  most: number | undefined;
  data: uPlot.AlignedData;
  onPoint: (at: number | null) => void;
}

function make({ host, height, language, tones, format, most, data, onPoint }: Made): uPlot {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const line = { stroke: colour("line"), width: 1 };
  const axis = { stroke: colour("ink-soft"), grid: line, ticks: { ...line, size: 4 } };
  return new uPlot(
    {
      width: host.clientWidth,
      height,
      padding: [8, 20, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false } },
      axes: [
        { ...axis, size: 30, values: (plot, ticks) => ticks.map(momentsIn(language, plot.data[0])) },
        {
          ...axis,
          incrs: most === 1 ? SHARES : STEPS,
          values: (_, ticks) => ticks.map((tick) => format(tick)),
          size: (_, written: string[] | null) => SIGN * Math.max(3, ...(written ?? []).map((text) => text.length)) + 14,
        },
      ],
      scales: { y: { range: (_, __, max) => [0, most ?? Math.max(1, max * 1.1)] } },
      series: [
        {},
        ...tones.map((tone) => ({
          stroke: colour(tone),
          width: 1.5,
          ...(tones.length <= 2 ? { fill: `${colour(tone)}22` } : {}),
          points: { show: hasLoneValues, size: 5 },
        })),
      ],
      hooks: { setCursor: [(plot) => onPoint(plot.cursor.idx ?? null)] },
    },
    data,
    host,
  );
}

export function Chart({ label, moments, series, format = String, height = 150, most, onPick }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const theme = useShownTheme();
  const { t, i18n } = useTranslation();
  const language = i18n.language;
  const [at, setAt] = useState<number | null>(null);
  const tones = series.map(({ tone }) => tone).join(" ");
  const data = useMemo<uPlot.AlignedData>(
    () => [[...moments], ...series.map(({ values }) => [...values])],
    [moments, series],
  );
  const latest = useRef(data);

  useEffect(() => {
    latest.current = data;
  }, [data]);

  useEffect(() => {
    const host = place.current;
    if (!host) return;
    const words = tones.split(" ") as Series["tone"][];
    const drawn = make({ host, height, language, tones: words, format, most, data: latest.current, onPoint: setAt });
    plot.current = drawn;
    const watch = new ResizeObserver(() => drawn.setSize({ width: host.clientWidth, height }));
    watch.observe(host);
    return () => {
      watch.disconnect();
      drawn.destroy();
      plot.current = null;
      setAt(null);
    };
  }, [tones, height, theme, format, most, language]);

  useEffect(() => {
    if (plot.current && plot.current.data !== data) plot.current.setData(data);
  }, [data]);

  const momentText = momentsIn(language, moments);
  const valueText = (value: number | null | undefined) => (value === null || value === undefined ? "–" : format(value));
  const pointed = at === null ? undefined : moments[at];
  const said = series.map(({ name, values }) => `${name} ${valueText(values[at ?? -1])}`);

  function point(index: number): void {
    const moment = moments[Math.max(0, Math.min(moments.length - 1, index))];
    if (moment !== undefined) plot.current?.setCursor({ left: plot.current.valToPos(moment, "x"), top: 0 });
  }

  function pick(index: number | null): void {
    const moment = moments[index ?? -1];
    if (moment !== undefined) onPick?.(moment);
  }

  return (
    <figure className="chart">
      <figcaption>
        <span>
          {label} <span className="chart-moment">{pointed === undefined ? "" : momentText(pointed)}</span>
        </span>
        <span className="chart-keys">
          {series.map(({ name, tone }, index) => (
            <span key={name} data-tone={tone}>
              {pointed === undefined ? name : said[index]}
            </span>
          ))}
        </span>
      </figcaption>
      <div
        ref={place}
        className="chart-place"
        role="slider"
        tabIndex={0}
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, moments.length - 1)}
        aria-valuenow={at ?? Math.max(0, moments.length - 1)}
        aria-valuetext={pointed === undefined ? t("common.none") : `${momentText(pointed)}: ${said.join(", ")}`}
        onClick={(event) => {
          const over = plot.current?.over;
          if (over && event.target instanceof Node && over.contains(event.target))
            pick(plot.current?.posToIdx(event.clientX - over.getBoundingClientRect().left) ?? null);
        }}
        onBlur={() => plot.current?.setCursor({ left: -10, top: -10 })}
        onKeyDown={(event) => {
          const last = moments.length - 1;
          const from = at ?? last + 1;
          const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last }[event.key];
          if (to !== undefined) point(to);
          else if (event.key === "Enter") pick(at);
          else return;
          event.preventDefault();
        }}
      />
      <div className="visually-hidden">
        <table>
          <caption>{label}</caption>
          <thead>
            <tr>
              <th scope="col">{t("common.time")}</th>
              {series.map(({ name }) => (
                <th scope="col" key={name}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {moments.slice(-12).map((moment, row) => (
              <tr key={moment}>
                <th scope="row">{momentText(moment)}</th>
                {series.map(({ name, values }) => (
                  <td key={name}>{valueText(values[Math.max(0, moments.length - 12) + row])}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </figure>
  );
}
