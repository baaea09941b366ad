// What luna says: the log, live, with levels and search. What is chosen here stands in the URL.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { api, body } from "../../api/client";
import { useAddress } from "../../parts/address";
import { Button } from "../../parts/Button";
import { Confirm } from "../../parts/Dialog";
import { Empty, Failed, Loading } from "../../parts/Empty";
import { Page } from "../../parts/Page";
import { useToast } from "../../parts/Toast";
import { LineDetail } from "./LineDetail";
import { LEVELS, type Filter, type Level } from "./lines";
import { LogFilter } from "./LogFilter";
import { LogTable } from "./LogTable";
import { useLines } from "./useLines";
import "./logs.css";

export default function Logs() {
  const { t } = useTranslation();
  const [query, change] = useAddress();
  const filter = filterOf(query);

  return (
    <Page title={t("shell.pages.logs")}>
      <LogFilter
        filter={filter}
        onLevels={(levels) => change({ level: levels.length === LEVELS.length ? "" : levels.join(",") || "none" })}
        onText={(q) => change({ q })}
        onFlow={(flow) => change({ flow })}
      />
      <Tail
        key={JSON.stringify(filter)}
        filter={filter}
        chosen={Number(query.get("line") ?? 0)}
        onChoose={(id) => change({ line: id ? String(id) : "" })}
        onFlow={(flow) => change({ flow, line: "" })}
        onClear={() => change({ level: "", q: "", flow: "", line: "" })}
      />
    </Page>
  );
}

function filterOf(query: URLSearchParams): Filter {
  const named = query.get("level");
  const levels: readonly Level[] = named ? LEVELS.filter((level) => named.split(",").includes(level)) : LEVELS;
  return { levels, text: query.get("q") ?? "", flow: query.get("flow") ?? "" };
}

interface TailProps {
  filter: Filter;
  chosen: number;
  onChoose: (id: number) => void;
  onFlow: (flow: string) => void;
  onClear: () => void;
}

function Tail({ filter, chosen, onChoose, onFlow, onClear }: TailProps) {
  const { t } = useTranslation();
  const lines = useLines(filter);
  const waiting = lines.waiting.length + lines.missed;
  const filtered = filter.text !== "" || filter.flow !== "" || filter.levels.length < LEVELS.length;
  if (lines.error && lines.shown.length === 0) return <Failed error={lines.error} onRetry={lines.retry} />;
  const empty = lines.loading ? (
    <Loading />
  ) : filtered ? (
    <Empty title={t("common.noMatch")}>
      <Button onClick={onClear}>{t("common.clearFilter")}</Button>
    </Empty>
  ) : (
    <Empty title={t("logs.emptyTitle")}>
      <p>{t("logs.emptyAbout")}</p>
    </Empty>
  );
  return (
    <>
      <div className="logs-bar">
        <Button aria-pressed={lines.paused} onClick={lines.paused ? lines.resume : lines.pause}>
          {lines.paused ? t("logs.resume") : t("logs.pause")}
        </Button>
        <span role="status" className="soft">
          {lines.paused ? t("logs.waiting", { count: waiting }) : t("logs.shown", { count: lines.shown.length })}
        </span>
        {lines.older ? (
          <Button quiet disabled={lines.loading} onClick={lines.more}>
            {t("logs.older")}
          </Button>
        ) : null}
        <span className="logs-space" />
        <Clear onCleared={lines.forget} />
      </div>
      <LogTable
        lines={lines.shown}
        chosen={chosen}
        onChoose={onChoose}
        onOlder={lines.older ? lines.more : undefined}
        empty={empty}
      />
      <LineDetail line={lines.shown.find((line) => line.id === chosen)} onClose={() => onChoose(0)} onFlow={onFlow} />
    </>
  );
}

function Clear({ onCleared }: { onCleared: () => void }) {
  const { t } = useTranslation();
  const say = useToast();
  const queries = useQueryClient();
  const stats = useQuery({ queryKey: ["logs", "stats"], queryFn: () => body(api.GET("/api/logs/stats")) });
  const total = stats.data?.total ?? 0;
  return (
    <Confirm
      label={t("logs.clear")}
      title={t("logs.clearTitle")}
      about={t("logs.clearAbout", { count: total })}
      confirm={t("logs.clear")}
      disabled={!stats.data}
      onConfirm={async () => {
        try {
          const { deleted } = await body(api.DELETE("/api/logs"));
          onCleared();
          say.done(t("logs.cleared", { count: deleted }));
        } catch (error) {
          say.failed(error);
        }
        await queries.invalidateQueries({ queryKey: ["logs", "stats"] });
      }}
    />
  );
}
