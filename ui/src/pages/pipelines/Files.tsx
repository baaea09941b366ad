// The files of the configuration: a list of all, and the text of one.
import { useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useLocation, useSearchParams } from "react-router";

import { api, body } from "../../api/client";
import type { components } from "../../api/schema";
import { useMayChange } from "../../app/opened";
import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Empty, Failed, Loading } from "../../parts/Empty";
import { useToast } from "../../parts/Toast";
import { FileEditor } from "./FileEditor";
import { useFiles, type Entry } from "./files";
import { NewFile } from "./NewFile";
import "./files.css";

const KINDS = ["routes", "pipeline", "prompt"] as const;

export function Files({ data }: { data: components["schemas"]["PipelinesView"] }) {
  const { t } = useTranslation();
  const files = useFiles();
  const mayChange = useMayChange();
  const location = useLocation();
  const [asked] = useSearchParams();
  const name = asked.get("file") ?? files.data?.files[0]?.name ?? "";
  const line = Number(asked.get("line") ?? 0);
  const col = Number(asked.get("col") ?? 1);
  // Asked for again, it is gone to again.
  const spot = useMemo(() => (location.key && line > 0 ? { line, col } : undefined), [location.key, line, col]);

  if (files.error) return <Failed error={files.error} onRetry={() => void files.refetch()} />;
  if (!files.data) return <Loading />;
  const entry = files.data.files.find((each) => each.name === name);
  return (
    <div className="page">
      {files.data.packaged && mayChange ? <Packaged folder={files.data.copyTo} /> : null}
      <div className="files">
        <FileList files={files.data} chosen={name} data={data} />
        {entry ? (
          <FileEditor key={entry.name} entry={entry} data={data} spot={spot} />
        ) : (
          <Empty title={t("pipelines.files.none", { name })}>
            <p>{t("pipelines.files.noneHint")}</p>
          </Empty>
        )}
      </div>
    </div>
  );
}

interface ListProps {
  files: components["schemas"]["FilesView"];
  chosen: string;
  data: components["schemas"]["PipelinesView"];
}

function FileList({ files, chosen, data }: ListProps) {
  const { t } = useTranslation();
  const mayChange = useMayChange();
  const [making, setMaking] = useState(false);
  return (
    <nav className="files-list" aria-label={t("pipelines.files.label")}>
      <p className="soft files-folder">{t("pipelines.files.folder", { folder: files.folder })}</p>
      {KINDS.map((kind) => (
        <section key={kind} aria-label={t(`pipelines.files.kinds.${kind}`)}>
          <h3>{t(`pipelines.files.kinds.${kind}`)}</h3>
          <ul>
            {files.files
              .filter((file) => file.kind === kind)
              .map((file) => (
                <li key={file.name}>
                  <FileLink file={file} chosen={file.name === chosen} />
                </li>
              ))}
          </ul>
        </section>
      ))}
      {files.packaged || !mayChange ? null : (
        <Button onClick={() => setMaking(true)}>
          <span aria-hidden="true">+</span> {t("pipelines.files.new")}
        </Button>
      )}
      {making ? <NewFile files={files.files} data={data} onClose={() => setMaking(false)} /> : null}
    </nav>
  );
}

function FileLink({ file, chosen }: { file: Entry; chosen: boolean }) {
  const { t } = useTranslation();
  const short = file.name.replace(/^(pipelines|prompts)\//, "");
  const bad = file.problems.some((problem) => problem.severity === "error");
  return (
    <Link
      to={`/pipelines?${new URLSearchParams({ view: "files", file: file.name }).toString()}`}
      className="files-one"
      aria-current={chosen ? "page" : undefined}
    >
      {short}
      {file.problems.length > 0 ? (
        <Badge tone={bad ? "bad" : "warn"}>{t("pipelines.files.problems", { count: file.problems.length })}</Badge>
      ) : null}
    </Link>
  );
}

function Packaged({ folder }: { folder: string }) {
  const { t } = useTranslation();
  const say = useToast();
  const queries = useQueryClient();
  const [busy, setBusy] = useState(false);
  async function copy(): Promise<void> {
    setBusy(true);
    try {
      const files = await body(api.POST("/api/config-files/eject"));
      say.done(t("pipelines.files.ejected", { folder: files.folder }));
      await queries.invalidateQueries();
    } catch (error) {
      say.failed(error);
    } finally {
      setBusy(false);
    }
  }
  return (
    <section className="notice" data-tone="warn">
      <h2>{t("pipelines.files.packaged")}</h2>
      <p>{t("pipelines.files.packagedHint", { folder })}</p>
      <div className="row">
        <Button primary disabled={busy} onClick={() => void copy()}>
          {t("pipelines.files.eject")}
        </Button>
      </div>
    </section>
  );
}
