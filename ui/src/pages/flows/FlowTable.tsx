// The list with what stands above it: how many, pause, columns, deletion. Owns the keys that move through it.
import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";

import { api, body } from "../../api/client";
import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Confirm } from "../../parts/Dialog";
import { Failed, Loading } from "../../parts/Empty";
import { useToast } from "../../parts/Toast";
import { VirtualTable } from "../../parts/VirtualTable";
import { useColumns } from "./cells";
import { ColumnChooser } from "./ColumnChooser";
import { keepColumns, keptColumns, NARROW, PHONE } from "./columns";
import { Nothing } from "./Nothing";
import { useCount, useFlows } from "./useFlows";

interface Props {
  filter: string;
  /** The id of the flow whose detail is open. */
  chosen: string | undefined;
  onChoose: (id: string) => void;
  onClear: () => void;
  paused: boolean;
  onPause: (paused: boolean) => void;
  /** Flows that were deleted since the list was read. */
  gone: ReadonlySet<string>;
}

const narrow = window.matchMedia("(max-width: 600px)");

function usePhone(): boolean {
  return useSyncExternalStore(
    (listener) => {
      narrow.addEventListener("change", listener);
      return () => narrow.removeEventListener("change", listener);
    },
    () => narrow.matches,
  );
}

/** True where a key is meant for what has the focus, not for the list. */
function isForSomethingElse(event: KeyboardEvent): boolean {
  const on = event.target;
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return true;
  return (
    on instanceof Element &&
    on.closest("input, textarea, select, [contenteditable], [role=dialog], [role=tablist]") !== null
  );
}

export function FlowTable({ filter, chosen, onChoose, onClear, paused, onPause, gone }: Props) {
  const { t } = useTranslation();
  const say = useToast();
  const [shown, setShown] = useState(keptColumns);
  const phone = usePhone();
  const columns = useColumns(phone ? PHONE : chosen === undefined ? shown : NARROW);
  const { rows: all, loading, error, whole, held, more, again } = useFlows(filter, paused);
  const rows = useMemo(() => (gone.size === 0 ? all : all.filter(({ id }) => !gone.has(id))), [all, gone]);
  const count = useCount(filter, gone.size);

  useEffect(() => {
    function onKey(event: KeyboardEvent): void {
      const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
      if (isForSomethingElse(event)) return;
      if (event.key === "p") {
        onPause(!paused);
      } else if (step !== undefined && rows.length > 0) {
        const at = rows.findIndex(({ id }) => id === chosen);
        const next = rows[Math.min(rows.length - 1, Math.max(0, at + step))];
        if (next) onChoose(next.id);
      } else {
        return;
      }
      event.preventDefault();
    }
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [rows, chosen, onChoose, paused, onPause]);

  async function deleteAll(): Promise<void> {
    try {
      const { deleted } = await body(api.DELETE("/api/flows", { params: { query: { filter } } }));
      say.done(t("flows.deleted", { count: deleted }));
      again();
      void count.refetch();
    } catch (problem) {
      say.failed(problem);
    }
  }

  const over = count.data?.over ?? 0;
  return (
    <>
      <div className="flows-bar">
        <span className="soft" role="status">
          {count.data ? t("flows.count", { count: Math.max(count.data.total, whole ? rows.length : 0) }) : ""}
        </span>
        {paused ? <Badge tone="warn">{t("flows.paused")}</Badge> : null}
        {held > 0 ? <span role="status">{t("flows.held", { count: held })}</span> : null}
        <span className="flows-acts">
          <Button aria-pressed={paused} aria-keyshortcuts="p" onClick={() => onPause(!paused)}>
            {paused ? t("flows.resume") : t("flows.pause")}
          </Button>
          {chosen === undefined && !phone ? (
            <ColumnChooser
              chosen={shown}
              onChange={(now) => {
                setShown(now);
                keepColumns(now);
              }}
            />
          ) : null}
          <Confirm
            label={t("flows.deleteAll")}
            title={t("flows.deleteAllTitle")}
            about={filter ? t("flows.deleteMatching", { count: over }) : t("flows.deleteAllAbout", { count: over })}
            confirm={t("common.delete")}
            disabled={over === 0}
            onConfirm={deleteAll}
          />
        </span>
      </div>
      {error ? (
        <Failed error={error} onRetry={again} />
      ) : loading ? (
        <Loading />
      ) : rows.length === 0 ? (
        <Nothing filter={filter} onClear={onClear} />
      ) : (
        <VirtualTable
          label={t("flows.list")}
          rows={rows}
          columns={columns}
          keyOf={({ id }) => id}
          chosen={chosen}
          onChoose={({ id }) => onChoose(id)}
          onEnd={more}
        />
      )}
    </>
  );
}
