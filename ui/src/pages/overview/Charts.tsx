// The figures over time. A click on a moment leads to its flows.
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";

import { Chart } from "../../parts/Chart";
import { duration } from "../../parts/Time";
import { flowsPath } from "../flows/filter";
import { lines, ofMoment, short, type Overview } from "./figures";

export function Charts({ overview }: { overview: Overview }) {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const { series, widthSeconds } = overview;
  const charts = useMemo(() => {
    const counted = (value: number) => short(value, i18n.language);
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
        id: "first",
        label: t("overview.chart.first"),
        format: duration,
        series: [
          lines(series.firstP50, t("overview.chart.p50"), "good"),
          lines(series.firstP95, t("overview.chart.p95"), "warn"),
        ],
      },
      {
        id: "tokens",
        label: t("overview.chart.tokens"),
        format: counted,
        series: [
          lines(series.inputTokens, t("overview.chart.input"), "info"),
          lines(series.outputTokens, t("overview.chart.output"), "accent"),
        ],
      },
    ];
  }, [series, t, i18n.language]);
  const moments = useMemo(() => series.moments.map((moment) => moment / 1000), [series.moments]);
  return (
    <section aria-label={t("overview.charts")} className="overview-charts">
      {charts.map((chart) => (
        <Chart
          key={chart.id}
          label={chart.label}
          moments={moments}
          series={chart.series}
          format={chart.format}
          onPick={(moment) => void navigate(flowsPath(ofMoment(moment, widthSeconds)))}
        />
      ))}
      <p className="soft">{t("overview.pick")}</p>
    </section>
  );
}
