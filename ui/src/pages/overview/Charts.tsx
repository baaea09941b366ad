// The figures over time. A click on a moment leads to its flows.
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";

import { Chart, type Series } from "../../parts/Chart";
import { duration } from "../../parts/Time";
import { FAILED, flowsOf, lines, named, percent, secondsOf, short, type Overview } from "./figures";

interface One {
  id: string;
  label: string;
  format: (value: number) => string;
  series: readonly Series[];
  most?: number;
  /** Which flows of a moment are meant. */
  more?: string;
}

export function Charts({ overview }: { overview: Overview }) {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const { series, widthSeconds } = overview;
  const language = i18n.language;
  const charts = useMemo<One[]>(() => {
    const counted = (value: number) => short(value, language);
    const shared = (value: number) => percent(value, language);
    const errors = named(series.errors);
    return [
      {
        id: "requests",
        label: t("overview.chart.requests"),
        format: counted,
        series: [
          lines(series.requests, t("overview.chart.requests"), "accent"),
          lines(series.failed, t("overview.chart.failed"), "bad"),
        ],
      },
      {
        id: "success",
        label: t("overview.chart.success"),
        format: shared,
        series: [lines(series.success, t("overview.chart.success"), "good")],
        most: 1,
      },
      {
        id: "errors",
        label: t("overview.chart.errors"),
        format: counted,
        series: errors.length > 0 ? errors : [lines(series.failed, t("overview.chart.failed"), "bad")],
        more: FAILED,
      },
      {
        id: "first",
        label: t("overview.chart.first"),
        format: duration,
        series: [
          lines(series.firstP50, t("overview.chart.p50"), "good"),
          lines(series.firstP95, t("overview.chart.p95"), "warn"),
        ],
        more: "~f >=0ms",
      },
      {
        id: "tokens",
        label: t("overview.chart.tokens"),
        format: counted,
        series: [
          lines(series.inputTokens, t("overview.chart.input"), "info"),
          lines(series.outputTokens, t("overview.chart.output"), "accent"),
        ],
        more: "~n >0",
      },
      {
        id: "queue",
        label: t("overview.chart.queue"),
        format: duration,
        series: [lines(series.queueP95, t("overview.chart.p95"), "warn")],
      },
    ];
  }, [series, t, language]);
  const moments = useMemo(() => secondsOf(series.moments), [series.moments]);
  return (
    <section aria-label={t("overview.charts")} className="overview-charts">
      {charts.map(({ id, more, ...chart }) => (
        <Chart
          key={id}
          {...chart}
          moments={moments}
          onPick={(moment) => void navigate(flowsOf(moment, widthSeconds, more))}
        />
      ))}
      <p className="soft">{t("overview.pick")}</p>
    </section>
  );
}

/** How many requests each account was given. */
export function AccountChart({ overview, names }: { overview: Overview; names: ReadonlyMap<string, string> }) {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const { series, widthSeconds } = overview;
  const moments = useMemo(() => secondsOf(series.moments), [series.moments]);
  const shown = useMemo(
    () => named(series.accounts.map(({ name, counts }) => ({ name: names.get(name) ?? name, counts }))),
    [series.accounts, names],
  );
  const counted = useMemo(() => (value: number) => short(value, i18n.language), [i18n.language]);
  if (shown.length === 0) return null;
  return (
    <Chart
      label={t("overview.chart.accounts")}
      moments={moments}
      series={shown}
      format={counted}
      height={110}
      onPick={(moment) => void navigate(flowsOf(moment, widthSeconds))}
    />
  );
}
