// Who changed what: the list of changes, the latest first.
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";
import { useTranslation } from "react-i18next";

import { api, body } from "../../api/client";
import { useLive } from "../../api/live";
import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Empty, Failed, Loading } from "../../parts/Empty";
import { Time } from "../../parts/Time";

const AUDIT = ["audit"] as const;
const PAGE = 50;

export function AuditList() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const changed = useCallback(() => void queries.invalidateQueries({ queryKey: AUDIT }), [queries]);
  useLive("audit", changed);
  const audit = useInfiniteQuery({
    queryKey: AUDIT,
    initialPageParam: undefined as number | undefined,
    queryFn: ({ pageParam }) =>
      body(
        api.GET("/api/audit", {
          params: { query: { limit: PAGE, ...(pageParam === undefined ? {} : { before: pageParam }) } },
        }),
      ),
    getNextPageParam: (page) => (page.length < PAGE ? undefined : page.at(-1)?.id),
  });
  const entries = audit.data?.pages.flat() ?? [];
  return (
    <section className="card">
      <div className="settings-head">
        <p className="soft">{t("settings.audit.about")}</p>
        <Button onClick={() => void audit.refetch()}>{t("common.refresh")}</Button>
      </div>
      {audit.error ? <Failed error={audit.error} onRetry={() => void audit.refetch()} /> : null}
      {audit.isPending ? <Loading /> : null}
      {audit.data && entries.length === 0 ? (
        <Empty title={t("settings.audit.emptyTitle")}>
          <p>{t("settings.audit.emptyAbout")}</p>
        </Empty>
      ) : null}
      {entries.length > 0 ? (
        <div className="scroll-x">
          <table className="plain-table">
            <thead>
              <tr>
                <th scope="col">{t("settings.audit.when")}</th>
                <th scope="col">{t("settings.audit.who")}</th>
                <th scope="col">{t("settings.audit.what")}</th>
                <th scope="col">{t("settings.audit.result")}</th>
                <th scope="col">{t("settings.audit.said")}</th>
              </tr>
            </thead>
            <tbody>
              {entries.map((entry) => (
                <tr key={entry.id}>
                  <td>
                    <Time at={entry.at} />
                  </td>
                  <td>
                    {entry.actor === "key" ? t("settings.audit.actors.key") : entry.actor}
                    {entry.remote ? <p className="soft">{entry.remote}</p> : null}
                  </td>
                  <td className="settings-name">
                    <code>
                      {entry.method} {entry.path}
                    </code>
                  </td>
                  <td>
                    <Badge tone={entry.status < 400 ? "good" : "bad"}>
                      {entry.status} {entry.status < 400 ? t("settings.audit.done") : t("settings.audit.refused")}
                    </Badge>
                  </td>
                  <td className="settings-said">
                    <code>{entry.said}</code>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
      {audit.hasNextPage ? (
        <Button disabled={audit.isFetchingNextPage} onClick={() => void audit.fetchNextPage()}>
          {t("common.more")}
        </Button>
      ) : null}
    </section>
  );
}
