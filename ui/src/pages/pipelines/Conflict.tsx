// Somebody else has changed the file while it was being edited: whose text counts is the person's to say.
import { useTranslation } from "react-i18next";

import { Button } from "../../parts/Button";
import { Difference } from "../../parts/editor/Editor";
import { unixEnds } from "../../parts/editor/ends";
import type { Edit } from "./edit";
import type { FileText } from "./files";

export function Conflict({ edit, file }: { edit: Edit; file: FileText }) {
  const { t } = useTranslation();
  const gone = edit.conflict === "gone";
  return (
    <section className="notice" data-tone="warn" role="alert">
      <h2>{t(gone ? "pipelines.files.conflictGone" : "pipelines.files.conflict", { name: file.name })}</h2>
      <div className="row">
        {gone ? null : <Button onClick={edit.discard}>{t("pipelines.files.theirs")}</Button>}
        <Button onClick={edit.insist}>{t("pipelines.files.mine")}</Button>
      </div>
      {gone ? null : (
        <Difference
          label={t("pipelines.files.compare")}
          before={unixEnds(file.text)}
          after={edit.draft}
          language={file.kind === "prompt" ? "text" : "yaml"}
        />
      )}
    </section>
  );
}
