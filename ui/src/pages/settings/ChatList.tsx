// The chats that luna made at Qwen: which there are, and deleting one.
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { api, body } from "../../api/client";
import type { components } from "../../api/schema";
import { useAddress } from "../../parts/address";
import { Badge, type Tone } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Confirm } from "../../parts/Dialog";
import { Empty, Failed, Loading } from "../../parts/Empty";
import { Field } from "../../parts/Field";
import { Time } from "../../parts/Time";
import { useToast } from "../../parts/Toast";
import { CHATS } from "./Cleanup";

type Chat = components["schemas"]["ChatView"];

const STATES = ["open", "planned", "deleting", "deleted", "failed", "lost", "orphaned"] as const;
const TONES: Partial<Record<(typeof STATES)[number], Tone>> = {
  open: "good",
  planned: "info",
  deleting: "info",
  failed: "bad",
  lost: "warn",
  orphaned: "warn",
};

export function ChatList() {
  const { t } = useTranslation();
  const [query, change] = useAddress();
  const state = STATES.find((one) => one === query.get("chats")) ?? "open";
  const chats = useInfiniteQuery({
    queryKey: [...CHATS, "list", state],
    initialPageParam: "",
    queryFn: ({ pageParam }) =>
      body(api.GET("/api/chats", { params: { query: { state, limit: 50, before: pageParam } } })),
    getNextPageParam: (page) => page.nextCursor || undefined,
  });
  const shown = chats.data?.pages.flatMap((page) => page.chats) ?? [];
  return (
    <section className="card">
      <div className="settings-head">
        <h2>{t("settings.chats.title")}</h2>
        <Field label={t("settings.chats.state")}>
          {(field) => (
            <select {...field} value={state} onChange={(event) => change({ chats: event.target.value })}>
              {STATES.map((one) => (
                <option key={one} value={one}>
                  {t(`settings.chats.states.${one}`)}
                </option>
              ))}
            </select>
          )}
        </Field>
      </div>
      {chats.error ? <Failed error={chats.error} onRetry={() => void chats.refetch()} /> : null}
      {chats.isPending ? <Loading /> : null}
      {chats.data && shown.length === 0 ? (
        <Empty title={t("settings.chats.emptyTitle")}>
          <p>{t("settings.chats.emptyAbout")}</p>
        </Empty>
      ) : null}
      {shown.length > 0 ? <Table chats={shown} /> : null}
      {chats.hasNextPage ? (
        <Button disabled={chats.isFetchingNextPage} onClick={() => void chats.fetchNextPage()}>
          {t("common.more")}
        </Button>
      ) : null}
    </section>
  );
}

function Table({ chats }: { chats: readonly Chat[] }) {
  const { t } = useTranslation();
  return (
    <div className="scroll-x">
      <table className="plain-table">
        <thead>
          <tr>
            <th scope="col">{t("settings.chats.name")}</th>
            <th scope="col">{t("settings.chats.account")}</th>
            <th scope="col">{t("settings.chats.state")}</th>
            <th scope="col">{t("settings.chats.purpose")}</th>
            <th scope="col">{t("settings.chats.used")}</th>
            <th scope="col">
              <span className="visually-hidden">{t("settings.chats.actions")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {chats.map((chat) => (
            <Row key={chat.id} chat={chat} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ chat }: { chat: Chat }) {
  const { t } = useTranslation();
  const say = useToast();
  const queries = useQueryClient();
  const state = STATES.find((one) => one === chat.state);
  const name = chat.title || chat.chatId || chat.id;
  return (
    <tr>
      <th scope="row" className="settings-name">
        {name}
        {chat.error ? <p className="field-problem">{chat.error}</p> : null}
        {chat.runId ? (
          <>
            {" "}
            <Link to={`/flows/${chat.runId}`}>{t("settings.overflow.flow")}</Link>
          </>
        ) : null}
      </th>
      <td>{chat.accountId}</td>
      <td>
        <Badge tone={(state && TONES[state]) ?? "plain"}>
          {state ? t(`settings.chats.states.${state}`) : chat.state}
        </Badge>
      </td>
      <td>{chat.purpose}</td>
      <td>
        <Time at={chat.usedAt ?? chat.createdAt} />
      </td>
      <td>
        {chat.state === "deleted" ? null : (
          <Confirm
            label={t("settings.chats.delete")}
            title={t("settings.chats.deleteTitle")}
            about={t("settings.chats.deleteAbout", { name })}
            confirm={t("settings.chats.delete")}
            onConfirm={async () => {
              try {
                await api.DELETE("/api/chats/{id}", { params: { path: { id: chat.id } } });
                say.done(t("settings.chats.deleted"));
              } catch (error) {
                say.failed(error);
              }
              await queries.invalidateQueries({ queryKey: CHATS });
            }}
          />
        )}
      </td>
    </tr>
  );
}
