// The overflow files: listing, reading, deleting.
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { api, body } from "../../api/client";
import type { components } from "../../api/schema";
import { Button } from "../../parts/Button";
import { Block } from "../../parts/Copy";
import { Confirm, Dialog } from "../../parts/Dialog";
import { Empty, Failed, Loading } from "../../parts/Empty";
import { bytes, Time } from "../../parts/Time";
import { useToast } from "../../parts/Toast";

type File = components["schemas"]["OverflowView"];

const OVERFLOW = ["overflow"] as const;

export function OverflowFiles() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const say = useToast();
  const [open, setOpen] = useState("");
  const files = useInfiniteQuery({
    queryKey: OVERFLOW,
    initialPageParam: "",
    queryFn: ({ pageParam }) => body(api.GET("/api/overflow", { params: { query: { limit: 50, before: pageParam } } })),
    getNextPageParam: (page) => page.next,
  });
  if (files.error) return <Failed error={files.error} onRetry={() => void files.refetch()} />;
  if (!files.data) return <Loading />;
  const shown = files.data.pages.flatMap((page) => page.files);
  const { total, totalBytes } = files.data.pages[0] ?? { total: 0, totalBytes: 0 };
  const size = bytes(totalBytes);

  async function remove(name: string | null): Promise<void> {
    try {
      const { removed } = await body(
        name === null
          ? api.DELETE("/api/overflow")
          : api.DELETE("/api/overflow/{name}", { params: { path: { name } } }),
      );
      say.done(t("settings.overflow.deleted", { count: removed }));
    } catch (error) {
      say.failed(error);
    }
    await queries.invalidateQueries({ queryKey: OVERFLOW });
  }

  return (
    <section className="card">
      <div className="settings-head">
        <h2>{t("settings.overflow.title")}</h2>
        {total > 0 ? (
          <Confirm
            label={t("settings.overflow.clear")}
            title={t("settings.overflow.clearTitle")}
            about={t("settings.overflow.clearAbout", { count: total, size })}
            confirm={t("settings.overflow.clear")}
            onConfirm={() => remove(null)}
          />
        ) : null}
      </div>
      <p className="soft">{t("settings.overflow.about")}</p>
      {total === 0 ? (
        <Empty title={t("settings.overflow.emptyTitle")}>
          <p>
            <Link to="/settings?q=tokenOverflow">{t("settings.overflow.emptyAbout")}</Link>
          </p>
        </Empty>
      ) : (
        <>
          <p>{t("settings.overflow.total", { count: total, size })}</p>
          <Table files={shown} onOpen={setOpen} onRemove={remove} />
          {files.hasNextPage ? (
            <Button disabled={files.isFetchingNextPage} onClick={() => void files.fetchNextPage()}>
              {t("common.more")}
            </Button>
          ) : null}
        </>
      )}
      <Content name={open} onClose={() => setOpen("")} />
    </section>
  );
}

interface TableProps {
  files: readonly File[];
  onOpen: (name: string) => void;
  onRemove: (name: string) => Promise<void>;
}

function Table({ files, onOpen, onRemove }: TableProps) {
  const { t } = useTranslation();
  return (
    <div className="scroll-x">
      <table className="plain-table">
        <thead>
          <tr>
            <th scope="col">{t("settings.overflow.name")}</th>
            <th scope="col">{t("settings.overflow.size")}</th>
            <th scope="col">{t("settings.overflow.tokens")}</th>
            <th scope="col">{t("settings.overflow.created")}</th>
            <th scope="col">{t("settings.overflow.belongs")}</th>
            <th scope="col">
              <span className="visually-hidden">{t("settings.overflow.actions")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {files.map((file) => (
            <tr key={file.name}>
              <th scope="row" className="settings-name">
                {file.name}
              </th>
              <td className="short">{bytes(file.bytes)}</td>
              <td>{file.tokens ?? "–"}</td>
              <td>
                <Time at={file.createdAt} />
              </td>
              <td>
                {file.runId ? <Link to={`/flows/${file.runId}`}>{t("settings.overflow.flow")}</Link> : null}{" "}
                {file.sessionId ? (
                  <Link to={`/sessions/${file.sessionId}`}>{t("settings.overflow.session")}</Link>
                ) : null}
              </td>
              <td className="row">
                <Button
                  quiet
                  aria-label={t("settings.overflow.viewOf", { name: file.name })}
                  onClick={() => onOpen(file.name)}
                >
                  {t("settings.overflow.view")}
                </Button>
                <Confirm
                  label={t("common.delete")}
                  title={t("settings.overflow.deleteTitle", { name: file.name })}
                  about={t("settings.overflow.deleteAbout", { size: bytes(file.bytes) })}
                  confirm={t("common.delete")}
                  onConfirm={() => onRemove(file.name)}
                />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Content({ name, onClose }: { name: string; onClose: () => void }) {
  const content = useQuery({
    queryKey: [...OVERFLOW, name],
    enabled: name !== "",
    queryFn: () => body(api.GET("/api/overflow/{name}", { params: { path: { name } }, parseAs: "text" })),
  });
  return (
    <Dialog side title={name} open={name !== ""} onClose={onClose}>
      {content.error ? <Failed error={content.error} onRetry={() => void content.refetch()} /> : null}
      {content.isPending ? <Loading /> : null}
      {content.data === undefined ? null : <Block label={name} text={content.data} />}
    </Dialog>
  );
}
