// The page of sessions: the conversations that luna knows, the one that is looked at beside them. Search and choice stand
// in the URL.
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate, useParams } from "react-router";

import { useAddress } from "../../parts/address";
import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Confirm, Dialog } from "../../parts/Dialog";
import { Empty, Failed, Loading } from "../../parts/Empty";
import { Page } from "../../parts/Page";
import { Time } from "../../parts/Time";
import { VirtualTable, type Column } from "../../parts/VirtualTable";
import { AccountName } from "../accounts/AccountName";
import { SessionDetail } from "./SessionDetail";
import { acts, useAct, useFreshSessions, useSession, useSessions, useTotal, type Session } from "./sessions";
import "./sessions.css";

export default function Sessions() {
  const { t } = useTranslation();
  const { id = "" } = useParams();
  const navigate = useNavigate();
  const [search, change] = useAddress();
  const words = search.get("q") ?? "";
  const list = useSessions(words);
  const total = useTotal().data ?? 0;
  const chosen = useSession(id);
  const act = useAct();
  useFreshSessions();

  const rows = useMemo(() => (list.data?.pages ?? []).flatMap((page) => page.rows), [list.data]);
  const columns = useMemo<readonly Column<Session>[]>(
    () => [
      { id: "title", name: t("sessions.title"), width: "minmax(180px, 3fr)", cell: (one) => one.title || one.id },
      {
        id: "state",
        name: t("sessions.state"),
        width: "110px",
        cell: (one) => (one.active ? <Badge tone="info">{t("sessions.active")}</Badge> : <Badge>{one.mode}</Badge>),
      },
      { id: "model", name: t("sessions.model"), width: "minmax(100px, 1fr)", cell: (one) => one.model },
      {
        id: "account",
        name: t("sessions.account"),
        width: "minmax(90px, 1fr)",
        cell: (one) => <AccountName id={one.accountId ?? ""} />,
      },
      { id: "turns", name: t("sessions.turns"), width: "70px", right: true, cell: (one) => one.turnCount },
      { id: "updated", name: t("sessions.updated"), width: "130px", cell: (one) => <Time at={one.updatedAt} /> },
    ],
    [t],
  );

  const open = (session: string) => void navigate({ pathname: `/sessions/${session}`, search: search.toString() });
  const close = () => void navigate({ pathname: "/sessions", search: search.toString() });

  return (
    <Page
      title={t("shell.pages.sessions")}
      actions={
        <Confirm
          label={t("sessions.removeAll")}
          title={t("sessions.removeAll")}
          about={t("sessions.removeAllAbout", { count: total })}
          confirm={t("sessions.removeAllConfirm")}
          disabled={total === 0}
          onConfirm={() => act.run(() => acts.removeAll(), true)}
        />
      }
    >
      <input
        className="input sessions-search"
        type="search"
        value={words}
        aria-label={t("sessions.search")}
        placeholder={t("sessions.search")}
        onChange={(event) => change({ q: event.target.value })}
      />
      {list.isPending ? <Loading /> : null}
      {list.error ? <Failed error={list.error} onRetry={() => void list.refetch()} /> : null}
      {list.data ? (
        <VirtualTable
          label={t("shell.pages.sessions")}
          rows={rows}
          columns={columns}
          keyOf={(one) => one.id}
          chosen={id}
          onChoose={(one) => open(one.id)}
          onEnd={() => (list.hasNextPage && !list.isFetchingNextPage ? void list.fetchNextPage() : undefined)}
          empty={
            words ? (
              <Empty title={t("common.noMatch")}>
                <Button onClick={() => change({ q: null })}>{t("common.clearFilter")}</Button>
              </Empty>
            ) : (
              <Empty title={t("sessions.emptyTitle")}>
                <p>{t("sessions.emptyAbout")}</p>
              </Empty>
            )
          }
        />
      ) : null}
      <Dialog side title={chosen.data?.title || t("sessions.one")} open={id !== ""} onClose={close}>
        {chosen.isPending ? <Loading /> : null}
        {chosen.error ? <Failed error={chosen.error} /> : null}
        {chosen.data ? <SessionDetail key={id} session={chosen.data} onGone={close} /> : null}
      </Dialog>
    </Page>
  );
}
