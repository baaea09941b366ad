// What stands in each column of the list.
import type { TFunction } from "i18next";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { Badge } from "../../parts/Badge";
import { clock } from "../../parts/clock";
import { bytes, duration } from "../../parts/Time";
import type { Column } from "../../parts/VirtualTable";
import type { ColumnId } from "./columns";
import { isActive, statusOf, toneOf, type Row } from "./rows";

export function StatusBadge({ row }: { row: { status: string } }) {
  const { t } = useTranslation();
  return <Badge tone={toneOf(row)}>{t(`flows.status.${statusOf(row)}`)}</Badge>;
}

/** How long it has been going on, counted while it is looked at. Milliseconds since the epoch. */
export function Elapsed({ since }: { since: number }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return <>{duration(Math.floor(Math.max(0, now - since) / 1000) * 1000)} …</>;
}

function tokens({ inputTokens, outputTokens }: Row): string {
  return inputTokens === null && outputTokens === null ? "" : `${inputTokens ?? 0} / ${outputTokens ?? 0}`;
}

function milliseconds(value: number | null): string {
  return value === null ? "" : duration(value);
}

const WIDTHS: Record<ColumnId, string> = {
  time: "84px",
  status: "122px",
  client: "minmax(80px, 0.8fr)",
  protocol: "minmax(80px, 0.7fr)",
  route: "minmax(70px, 0.6fr)",
  model: "minmax(110px, 1.1fr)",
  account: "minmax(70px, 0.7fr)",
  session: "minmax(80px, 0.8fr)",
  preview: "minmax(120px, 2.6fr)",
  tools: "minmax(60px, 0.8fr)",
  tokens: "104px",
  size: "78px",
  attempts: "58px",
  queue: "78px",
  first: "100px",
  duration: "100px",
  error: "minmax(90px, 1fr)",
  recorded: "76px",
};
const RIGHT: ReadonlySet<ColumnId> = new Set(["tokens", "size", "attempts", "queue", "first", "duration"]);

export function useColumns(chosen: readonly ColumnId[]): Column<Row>[] {
  const { t, i18n } = useTranslation();
  const language = i18n.language;
  return useMemo(() => columnsOf(chosen, t, language), [chosen, t, language]);
}

function columnsOf(chosen: readonly ColumnId[], t: TFunction, language: string): Column<Row>[] {
  const cells: Record<ColumnId, Column<Row>["cell"]> = {
    time: (row) => clock(row.createdAt, language),
    status: (row) => <Badge tone={toneOf(row)}>{t(`flows.status.${statusOf(row)}`)}</Badge>,
    client: (row) => row.client || row.agent,
    protocol: (row) => row.protocol,
    route: (row) => row.route,
    model: (row) => (row.target && row.target !== row.model ? `${row.model} → ${row.target}` : row.model),
    account: (row) => row.accountId,
    session: (row) => row.sessionId,
    preview: (row) => row.preview || (row.status === "queued" ? row.queueReason : ""),
    tools: (row) => row.tools.join(", "),
    tokens,
    size: (row) => (row.bytesIn === null ? "" : bytes(row.bytesIn)),
    attempts: (row) => (row.attempts + row.reasks > 1 ? row.attempts + row.reasks : ""),
    queue: (row) => milliseconds(row.queueMs),
    first: (row) => milliseconds(row.firstEventMs),
    duration: (row) => (isActive(row) ? <Elapsed since={row.createdAt} /> : milliseconds(row.durationMs)),
    error: (row) => row.errorKind,
    recorded: (row) => (row.recorded ? t("common.yes") : ""),
  };
  return chosen.map((id) => ({
    id,
    name: t(`flows.column.${id}`),
    width: WIDTHS[id],
    right: RIGHT.has(id),
    cell: cells[id],
  }));
}
