// What left the chosen boundary: a document with what its stage changed, or the batches of events, of any number.
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { Badge } from "../../../parts/Badge";
import { Button } from "../../../parts/Button";
import { Copy } from "../../../parts/Copy";
import { Failed, Loading } from "../../../parts/Empty";
import { VirtualTable, type Column } from "../../../parts/VirtualTable";
import type { Timeline } from "./axis";
import { Diff, signed } from "./Diff";
import { exact } from "./exact";
import { useBoundary } from "./useInspect";

interface Props {
  id: string;
  boundary: Timeline["boundaries"][number];
  n: number;
  onBatch: (n: number) => void;
}

export function Content({ id, boundary, n, onBatch }: Props) {
  if (boundary.side === "request") return <Document key={boundary.name} id={id} name={boundary.name} />;
  return <Batches id={id} name={boundary.name} total={boundary.batches} n={n} onBatch={onBatch} />;
}

function Document({ id, name }: { id: string; name: string }) {
  const { t } = useTranslation();
  const [whole, setWhole] = useState(false);
  const query = useBoundary(id, name, 1);
  if (query.error) return <Failed error={query.error} onRetry={() => void query.refetch()} />;
  if (query.isPending) return <Loading />;
  const { changes, document, cut, more } = query.data;
  const word = {
    added: "flows.stages.added",
    removed: "flows.stages.removed",
    changed: "flows.stages.changedOp",
  } as const;
  const tone = { added: "good", removed: "bad", changed: "info" } as const;
  const shown = whole || changes.length === 0;
  return (
    <section className="inspect-content" aria-label={t("inspect.document", { stage: name })}>
      <header className="inspect-bar">
        <h3>{shown ? t("inspect.document", { stage: name }) : t("inspect.changes", { stage: name })}</h3>
        <span className="row">
          {changes.length > 0 ? (
            <Button aria-pressed={whole} onClick={() => setWhole(!whole)}>
              {t("inspect.wholeDocument")}
            </Button>
          ) : (
            <span className="soft">{t("inspect.unchanged")}</span>
          )}
          <Copy text={document} label={t("inspect.copyDocument")} />
        </span>
      </header>
      {shown ? (
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, so the keyboard must reach it
        <pre className="inspect-text" tabIndex={0} role="region" aria-label={t("inspect.document", { stage: name })}>
          {document}
        </pre>
      ) : (
        <ul className="changes">
          {changes.map((change) => (
            <li key={`${change.op} ${change.path}`}>
              <p className="row">
                <Badge tone={tone[change.op]}>{t(word[change.op])}</Badge> <code>{change.path}</code>
              </p>
              {change.diff ? <Diff text={change.diff} /> : null}
              {!change.diff && change.op !== "added" ? <Diff text={signed("-", change.before)} /> : null}
              {!change.diff && change.op !== "removed" ? <Diff text={signed("+", change.after)} /> : null}
            </li>
          ))}
        </ul>
      )}
      {cut || (more && !shown) ? <p className="soft">{t("flows.stages.more")}</p> : null}
    </section>
  );
}

interface Row {
  n: number;
}

function Batches({
  id,
  name,
  total,
  n,
  onBatch,
}: { id: string; name: string; total: number } & Omit<Props, "boundary">) {
  const { t } = useTranslation();
  const rows = rowsOf(total);
  const columns: Column<Row>[] = [
    { id: "n", name: t("inspect.batch"), width: "64px", right: true, cell: (row) => row.n },
    {
      id: "events",
      name: t("inspect.events"),
      width: "minmax(240px, 1fr)",
      cell: (row) => <Events id={id} name={name} n={row.n} />,
    },
  ];
  return (
    <section className="inspect-content" aria-label={t("inspect.eventsOf", { stage: name })}>
      <VirtualTable
        key={name}
        label={t("inspect.eventsOf", { stage: name })}
        rows={rows}
        columns={columns}
        keyOf={keyOf}
        chosen={String(n)}
        onChoose={(row) => onBatch(row.n)}
        empty={<p className="soft">{t("inspect.noEvents")}</p>}
      />
    </section>
  );
}

/** Fetched page by page, as they come into sight. */
function Events({ id, name, n }: { id: string; name: string; n: number }) {
  const { t } = useTranslation();
  const query = useBoundary(id, name, n);
  const batch = query.data?.batches.find((each) => each.n === n);
  if (!batch) return <span className="soft">{query.error ? query.error.message : "…"}</span>;
  return (
    <span className="inspect-events">
      <span className="soft">{exact(batch.atMs)}</span>
      {batch.changed ? <Badge tone="info">{t("inspect.changed")}</Badge> : null}
      {batch.events.length === 0 ? <span className="soft">{t("inspect.nothing")}</span> : null}
      <code>{batch.events.join(" ").slice(0, 400)}</code>
    </span>
  );
}

function keyOf({ n }: Row): string {
  return String(n);
}

const made = new Map<number, readonly Row[]>();

/** The same rows for the same number of them: what stays as it is is not drawn again. */
function rowsOf(total: number): readonly Row[] {
  const known = made.get(total) ?? Array.from({ length: total }, (_, at) => ({ n: at + 1 }));
  if (made.size > 20) made.clear();
  made.set(total, known);
  return known;
}
