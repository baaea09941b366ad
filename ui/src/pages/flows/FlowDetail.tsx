// One flow with everything there is about it, in tabs. The tab stands in the address and stays when the flow changes.
import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, type ReactNode, type Ref } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";

import { api, ApiError, body } from "../../api/client";
import { Button } from "../../parts/Button";
import { Copy } from "../../parts/Copy";
import { Confirm } from "../../parts/Dialog";
import { Empty, Failed, Loading } from "../../parts/Empty";
import { Tabs, type Tab } from "../../parts/Tabs";
import { useToast } from "../../parts/Toast";
import { StatusBadge } from "./cells";
import { flowKey, useFlow } from "./detail";
import { ClientAnswer, ClientRequest, Incomplete, Upstream } from "./Faces";
import { FlowLog } from "./FlowLog";
import { Keep } from "./keep/Keep";
import { isActive } from "./rows";
import { Stages } from "./Stages";
import { Summary } from "./Summary";
import type { Detail } from "./waterfall";

const TABS = ["summary", "request", "qwen", "stream", "answer", "stages", "log", "inspect"] as const;
type TabId = (typeof TABS)[number];

const Inspect = lazy(() => import("./inspect/Inspect"));

/** Why there is no recording. */
function Missing({ detail }: { detail: Detail }) {
  const { t } = useTranslation();
  const { run, record } = detail;
  const why = isActive(run) ? "going" : (run as { recording?: string }).recording ? "lost" : "off";
  const about =
    why === "off" && record === "errors" ? "flows.missing.errorsAbout" : (`flows.missing.${why}About` as const);
  return (
    <Empty title={t(`flows.missing.${why}`)}>
      <p>{t(about)}</p>
      {detail.recordingProblem ? <p className="soft">{detail.recordingProblem}</p> : null}
    </Empty>
  );
}

function useActs(id: string, onGone: () => void) {
  const { t } = useTranslation();
  const say = useToast();
  const client = useQueryClient();

  async function cancel(): Promise<void> {
    try {
      const { alreadyTerminal } = await body(api.POST("/api/runs/{id}/cancel", { params: { path: { id } } }));
      say.done(alreadyTerminal ? t("flows.detail.ended") : t("flows.detail.cancelled"));
      void client.invalidateQueries({ queryKey: flowKey(id) });
    } catch (problem) {
      say.failed(problem);
    }
  }

  async function remove(): Promise<void> {
    try {
      await api.DELETE("/api/flows/{id}", { params: { path: { id } } });
      say.done(t("flows.deleted", { count: 1 }));
      onGone();
    } catch (problem) {
      say.failed(problem);
    }
  }
  return { cancel, remove };
}

interface Props {
  id: string;
  panel: Ref<HTMLElement>;
  onClose: () => void;
  /** It was deleted. */
  onGone: () => void;
}

export function FlowDetail({ id, panel, onClose, onGone }: Props) {
  const { t } = useTranslation();
  const [search, setSearch] = useSearchParams();
  const query = useFlow(id);
  const { cancel, remove } = useActs(id, onGone);
  const detail = query.data;
  const tab = TABS.find((name) => name === search.get("tab")) ?? "summary";

  function content(name: TabId, found: Detail): ReactNode {
    const { recording, run } = found;
    if (name === "summary") return <Summary detail={found} />;
    if (name === "log") return <FlowLog lines={found.log} />;
    if (name === "inspect")
      return (
        <Suspense fallback={<Loading />}>
          <Inspect detail={found} />
        </Suspense>
      );
    if (!recording) return <Missing detail={found} />;
    const given = { flow: run.id, recording };
    const faces: Record<Exclude<TabId, "summary" | "log" | "inspect">, ReactNode> = {
      request: <ClientRequest {...given} />,
      qwen: <Upstream {...given} side="request" />,
      stream: <Upstream {...given} side="response" />,
      answer: <ClientAnswer {...given} />,
      stages: <Stages key={run.id} {...given} detail={found} />,
    };
    return (
      <>
        <Incomplete recording={recording} />
        {faces[name]}
      </>
    );
  }

  const tabs: Tab[] = detail
    ? TABS.map((name) => ({
        id: name,
        name: t(`flows.tab.${name}`),
        content: name === tab ? content(name, detail) : null,
      }))
    : [];
  return (
    <section
      className="flow-detail"
      ref={panel}
      tabIndex={-1}
      aria-label={t("flows.detail.label")}
      aria-busy={query.isPlaceholderData}
    >
      <header className="flow-detail-head">
        <h2 className="mono">{id}</h2>
        {detail ? <StatusBadge row={detail.run} /> : null}
        <span className="flows-acts">
          <Copy text={id} label={t("flows.detail.copyId")} />
          {detail ? <Keep detail={detail} /> : null}
          {detail && isActive(detail.run) ? (
            <Confirm
              label={t("flows.detail.cancel")}
              title={t("flows.detail.cancelTitle")}
              about={t("flows.detail.cancelAbout")}
              confirm={t("flows.detail.cancel")}
              onConfirm={cancel}
            />
          ) : null}
          {detail && !isActive(detail.run) ? (
            <Confirm
              label={t("flows.detail.delete")}
              title={t("flows.detail.deleteTitle")}
              about={t("flows.detail.deleteAbout")}
              confirm={t("flows.detail.delete")}
              onConfirm={remove}
            />
          ) : null}
          <Button quiet aria-label={t("flows.detail.close")} onClick={onClose}>
            <span aria-hidden="true">✕</span>
          </Button>
        </span>
      </header>
      {query.error ? (
        query.error instanceof ApiError && query.error.status === 404 ? (
          <Empty title={t("flows.detail.gone")}>
            <Button onClick={onClose}>{t("flows.detail.close")}</Button>
          </Empty>
        ) : (
          <Failed error={query.error} onRetry={() => void query.refetch()} />
        )
      ) : detail ? (
        <Tabs
          tabs={tabs}
          chosen={tab}
          label={t("flows.detail.tabs")}
          onChoose={(name) =>
            setSearch(
              (now) => {
                now.set("tab", name);
                return now;
              },
              { replace: true },
            )
          }
        />
      ) : (
        <Loading />
      )}
    </section>
  );
}
