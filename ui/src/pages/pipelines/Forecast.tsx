// What saving an edit would do to flows that were really there: each replayed through both configurations.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { api, body } from "../../api/client";
import type { components } from "../../api/schema";
import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Failed, Loading } from "../../parts/Empty";
import "./forecast.css";

type Plan = components["schemas"]["PlanView"];
type FlowForecast = components["schemas"]["FlowForecast"];

const NUMBERS = [20, 50, 100] as const;
const TONES = { changes: "warn", unknown: "plain", same: "good" } as const;

export function Forecast({ name, text }: { name: string; text: string }) {
  const { t } = useTranslation();
  const [last, setLast] = useState<number>(NUMBERS[0]);
  const plan = useQuery({
    queryKey: ["forecast", name, text, last],
    queryFn: ({ signal }) =>
      body(api.POST("/api/plan", { body: { files: [{ path: name, text }], last, fixtures: true }, signal })),
    gcTime: 0,
    staleTime: Infinity,
    refetchOnWindowFocus: false,
  });
  return (
    <div className="page">
      <p className="row">
        <label className="row">
          <span>{t("forecast.last")}</span>
          <select value={last} onChange={(event) => setLast(Number(event.target.value))}>
            {NUMBERS.map((number) => (
              <option key={number} value={number}>
                {number}
              </option>
            ))}
          </select>
        </label>
      </p>
      <div role="status" aria-busy={plan.isFetching}>
        {plan.data ? (
          <Found plan={plan.data} />
        ) : plan.error ? (
          <Failed error={plan.error} onRetry={() => void plan.refetch()} />
        ) : (
          <Loading />
        )}
      </div>
    </div>
  );
}

function Found({ plan }: { plan: Plan }) {
  const { t } = useTranslation();
  if (!plan.ok) return <p>{t("pipelines.plan.broken")}</p>;
  const told = plan.findings.filter((finding) => finding.verdict !== "same");
  const looked = plan.findings.length;
  return (
    <>
      <p>
        {looked === 0
          ? t("forecast.none")
          : plan.changed
            ? t("forecast.changes", { count: plan.changed, looked })
            : t("forecast.nothing", { count: looked })}{" "}
        {plan.passedOver ? t("forecast.passedOver", { count: plan.passedOver }) : ""}
      </p>
      {told.length > 0 ? (
        <ul className="forecast">
          {told.map((finding) => (
            <One key={`${finding.kind} ${finding.name}`} finding={finding} />
          ))}
        </ul>
      ) : null}
    </>
  );
}

function One({ finding }: { finding: FlowForecast }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const ends = finding.after && finding.before !== finding.after ? `${finding.before} → ${finding.after}` : "";
  return (
    <li>
      <p className="row">
        <Badge tone={finding.breaks ? "bad" : TONES[finding.verdict]}>
          {finding.breaks ? t("forecast.breaks") : t(`forecast.verdict.${finding.verdict}`)}
        </Badge>
        {finding.kind === "flow" ? (
          <Link className="mono" to={`/flows/${finding.name}`} target="_blank" rel="noreferrer">
            {finding.name}
          </Link>
        ) : (
          <span className="mono">{t("forecast.fixture", { name: finding.name })}</span>
        )}
        {finding.boundary ? <code>{finding.boundary}</code> : null}
      </p>
      <p className="soft">{[finding.request, ends, finding.problem].filter(Boolean).join(" · ")}</p>
      {finding.diff ? (
        <>
          <Button quiet aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? t("forecast.hide") : t("forecast.show")}
          </Button>
          {open ? <pre className="forecast-diff">{finding.diff}</pre> : null}
          {open && finding.cut ? <p className="soft">{t("forecast.cut")}</p> : null}
        </>
      ) : null}
    </li>
  );
}
