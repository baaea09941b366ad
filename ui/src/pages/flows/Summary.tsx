// What is known of a flow at a glance, what went wrong, where its time went, and the way to what belongs to it.
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { bytes, duration, Time } from "../../parts/Time";
import { Elapsed, StatusBadge } from "./cells";
import type { Run } from "./detail";
import { flowsPath, term } from "./filter";
import { isActive } from "./rows";
import type { Detail } from "./waterfall";
import { Waterfall } from "./Waterfall";

function Fact({ name, wide, children }: { name: string; wide?: boolean; children: ReactNode }) {
  return (
    <div className={wide ? "facts-wide" : undefined}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Problem({ run }: { run: Run }) {
  const { t } = useTranslation();
  if (!run.errorKind && !run.error) return null;
  const where = { kind: run.errorKind ?? "", stage: run.errorStage ?? "" };
  return (
    <section className="flow-problem" aria-label={t("flows.summary.error")}>
      <h3>{run.error || run.errorKind}</h3>
      {run.errorHint ? <p>{run.errorHint}</p> : null}
      <p className="soft">{where.stage ? t("flows.summary.errorAt", where) : where.kind}</p>
    </section>
  );
}

function Others({ run }: { run: Run }) {
  const { t } = useTranslation();
  const links = [
    [t("flows.summary.sameSession"), run.sessionId, "s"],
    [t("flows.summary.sameAccount"), run.accountId, "a"],
    [t("flows.summary.sameModel"), run.model, "m"],
    [t("flows.summary.sameError"), run.errorKind, "e"],
  ] as const;
  return (
    <Fact name={t("flows.summary.others")} wide>
      <span className="row">
        {links.map(([name, value, letter]) =>
          value ? (
            <Link key={letter} to={flowsPath(term(letter, value), run.id)}>
              {name}
            </Link>
          ) : null,
        )}
      </span>
    </Fact>
  );
}

export function Summary({ detail }: { detail: Detail }) {
  const { t, i18n } = useTranslation();
  const run: Run = detail.run;
  const model = run.targetModel && run.targetModel !== run.model ? `${run.model} → ${run.targetModel}` : run.model;
  const client = [run.client, run.agent].filter(Boolean).join(" · ");
  const egress = [run.networkProfileId, run.workerId, run.outboundIp].filter(Boolean).join(" · ");
  const counted = run.inputTokens !== undefined || run.outputTokens !== undefined;
  const number = (value: number | null | undefined) => (value ?? 0).toLocaleString(i18n.language);
  return (
    <div className="flow-summary">
      <Problem run={run} />
      <dl className="facts" aria-label={t("flows.summary.facts")}>
        <Fact name={t("flows.summary.state")} wide>
          <StatusBadge row={run} /> {isActive(run) ? <Elapsed since={run.createdAt} /> : duration(run.durationMs)}{" "}
          {detail.stage ? <span className="soft">{t("flows.summary.stage", { stage: detail.stage })}</span> : null}
        </Fact>
        {run.status === "queued" && run.queueReason ? (
          <Fact name={t("flows.summary.waitsFor")} wide>
            {run.queueReason}
          </Fact>
        ) : null}
        {run.activeTaskPreview ? (
          <Fact name={t("flows.summary.asked")} wide>
            {run.activeTaskPreview}
          </Fact>
        ) : null}
        <Fact name={t("flows.summary.began")}>
          <Time at={run.createdAt} />
        </Fact>
        <Fact name={t("flows.summary.model")}>{model}</Fact>
        {run.accountId ? (
          <Fact name={t("flows.summary.account")}>
            <Link to={`/accounts?account=${encodeURIComponent(run.accountId)}`}>{run.accountId}</Link>
          </Fact>
        ) : null}
        {run.sessionId ? (
          <Fact name={t("flows.summary.session")} wide>
            <Link to={`/sessions/${encodeURIComponent(run.sessionId)}`}>{run.sessionId}</Link>{" "}
            {run.sessionReason ? <span className="soft">{run.sessionReason}</span> : null}
          </Fact>
        ) : null}
        {run.providerChatId ? (
          <Fact name={t("flows.summary.chat")} wide>
            <code>{run.providerChatId}</code>
          </Fact>
        ) : null}
        {client ? <Fact name={t("flows.summary.client")}>{client}</Fact> : null}
        <Fact name={t("flows.summary.route")}>
          {run.route}{" "}
          {run.pipeline ? <Link to={`/pipelines/${encodeURIComponent(run.pipeline)}`}>{run.pipeline}</Link> : null}{" "}
          <span className="soft">{run.protocol}</span>
        </Fact>
        {egress ? <Fact name={t("flows.summary.egress")}>{egress}</Fact> : null}
        {counted ? (
          <Fact name={t("flows.summary.tokens")}>
            {t("flows.summary.tokensOf", { input: number(run.inputTokens), output: number(run.outputTokens) })}{" "}
            {run.thinkingTokens ? (
              <span className="soft">{t("flows.summary.thinking", { count: run.thinkingTokens })}</span>
            ) : null}
          </Fact>
        ) : null}
        {run.bytesIn ? <Fact name={t("flows.summary.size")}>{bytes(run.bytesIn)}</Fact> : null}
        {(run.attempts ?? 1) > 1 || run.reasks ? (
          <Fact name={t("flows.summary.attempts")}>
            {run.attempts ?? 1} {run.reasks ? t("flows.summary.reasks", { count: run.reasks }) : ""}
          </Fact>
        ) : null}
        {run.tools?.length ? <Fact name={t("flows.summary.tools")}>{run.tools.join(", ")}</Fact> : null}
        {run.httpStatus ? (
          <Fact name={t("flows.summary.answer")}>
            {t("flows.summary.answerOf", { status: run.httpStatus })},{" "}
            {run.stream ? t("flows.summary.streamed") : t("flows.summary.whole")}
          </Fact>
        ) : null}
        <Others run={run} />
      </dl>
      <Waterfall detail={detail} />
    </div>
  );
}
