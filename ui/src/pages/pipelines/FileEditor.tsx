// The text of one file: edited, checked while it is, compared, saved.
import { useId, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";

import { ApiError } from "../../api/client";
import type { components } from "../../api/schema";
import { useMayChange } from "../../app/opened";
import { Badge } from "../../parts/Badge";
import { Failed, Loading } from "../../parts/Empty";
import { Editor, type Target } from "../../parts/editor/Editor";
import { Problems, type Diagnostic } from "../../parts/editor/Problems";
import { Unsaved } from "../../parts/editor/Unsaved";
import { Conflict } from "./Conflict";
import { addressOf } from "./data";
import { FileTools } from "./FileTools";
import { useCheck, useFile, useSchema, type Entry, type FileText } from "./files";
import { PlanDialog } from "./PlanDialog";
import { useEdit } from "./edit";

interface Props {
  entry: Entry;
  data: components["schemas"]["PipelinesView"];
  spot: Target | undefined;
}

const NONE: readonly Diagnostic[] = [];

export function FileEditor(props: Props) {
  // Whoever deletes it does not ask for it any more.
  const [leaving, setLeaving] = useState(false);
  const file = useFile(props.entry.name, !leaving);
  const gone = file.error instanceof ApiError && file.error.status === 404;
  if (!file.data) return file.error ? <Failed error={file.error} onRetry={() => void file.refetch()} /> : <Loading />;
  return <Opened {...props} file={file.data} gone={gone} onLeaving={setLeaving} />;
}

interface OpenedProps extends Props {
  file: FileText;
  gone: boolean;
  onLeaving: (leaving: boolean) => void;
}

function Opened({ entry, data, spot, file, gone, onLeaving }: OpenedProps) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const edit = useEdit(file, gone);
  const mayChange = useMayChange();
  const [planning, setPlanning] = useState(false);
  const [searching, setSearching] = useState(0);
  const found = useId();
  const check = useCheck(file.name, edit.whole, edit.dirty);
  const schema = useSchema(file.kind, data);
  const diagnostics = edit.dirty ? (check.diagnostics ?? NONE) : entry.problems;
  const own = useMemo(() => diagnostics.filter((problem) => problem.file === file.name), [diagnostics, file.name]);

  const go = (problem: Diagnostic) => void navigate(addressOf(problem), { replace: problem.file === file.name });

  return (
    <section className="files-editor" aria-label={file.name}>
      <FileTools
        name={file.name}
        edit={edit}
        writable={file.writable}
        onLeaving={onLeaving}
        onPlan={() => setPlanning(true)}
        onSearch={() => setSearching((times) => times + 1)}
      />
      {file.writable ? null : (
        <p className="row">
          <Badge tone="warn">{t("pipelines.files.readOnly")}</Badge> {t("pipelines.files.readOnlyHint")}
        </p>
      )}
      {edit.conflict ? <Conflict edit={edit} file={file} /> : null}
      <div className="files-text">
        <Editor
          label={t("pipelines.files.editor", { name: file.name })}
          language={file.kind === "prompt" ? "text" : "yaml"}
          value={edit.draft}
          onChange={edit.write}
          onSave={() => (mayChange ? void edit.save() : undefined)}
          readOnly={!file.writable}
          problems={own}
          schema={schema}
          spot={spot}
          describedBy={found}
          searching={searching}
        />
      </div>
      <div id={found} role="status">
        {diagnostics.length > 0 ? (
          <Problems label={t("pipelines.files.found")} problems={diagnostics} onGo={go} />
        ) : (
          <p className="soft">
            {edit.dirty && check.waiting ? t("pipelines.files.checking") : t("pipelines.files.sound")}
          </p>
        )}
      </div>
      {planning ? <PlanDialog edit={edit} name={file.name} onClose={() => setPlanning(false)} onGo={go} /> : null}
      <Unsaved
        unsaved={edit.dirty}
        subject={({ pathname, search }) => {
          const asked = new URLSearchParams(search);
          return [pathname, ...["view", "file", "beside"].map((name) => asked.get(name) ?? "")].join(" ");
        }}
      />
    </section>
  );
}
