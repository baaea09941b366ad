// What can be done with the text of a file.
import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";

import { api } from "../../api/client";
import { useMayChange } from "../../app/opened";
import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Confirm } from "../../parts/Dialog";
import { useToast } from "../../parts/Toast";
import type { Edit } from "./edit";
import type { FileText } from "./files";

interface Props {
  name: string;
  edit: Edit;
  writable: boolean;
  /** It is being deleted; or it could not be. */
  onLeaving: (leaving: boolean) => void;
  onPlan: () => void;
  onSearch: () => void;
}

export function FileTools({ name, edit, writable, onLeaving, onPlan, onSearch }: Props) {
  const { t } = useTranslation();
  const mayChange = useMayChange();
  return (
    <div className="files-tools">
      <h2>
        {name} {edit.dirty ? <Badge tone="warn">{t("pipelines.files.unsaved")}</Badge> : null}
      </h2>
      <div className="row">
        {mayChange ? (
          <Button primary disabled={!edit.dirty || edit.busy || !writable} onClick={() => void edit.save()}>
            {t("common.save")}
          </Button>
        ) : null}
        <Button disabled={!edit.dirty} onClick={onPlan}>
          {t("pipelines.files.preview")}
        </Button>
        <Button disabled={!edit.dirty} onClick={edit.discard}>
          {t("editor.discard")}
        </Button>
        <Button onClick={onSearch}>{t("editor.find")}</Button>
        {writable && /^(pipelines|prompts)\//.test(name) ? <Delete name={name} onLeaving={onLeaving} /> : null}
      </div>
    </div>
  );
}

function Delete({ name, onLeaving }: Pick<Props, "name" | "onLeaving">) {
  const { t } = useTranslation();
  const say = useToast();
  const navigate = useNavigate();
  const queries = useQueryClient();
  async function remove(): Promise<void> {
    const hash = queries.getQueryData<FileText>(["config-file", name])?.hash ?? "";
    onLeaving(true);
    try {
      await api.DELETE("/api/config-files/{path}", { params: { path: { path: name }, query: { hash } } });
      say.done(t("pipelines.files.deleted", { name }));
      queries.removeQueries({ queryKey: ["config-file", name] });
      for (const key of ["pipelines", "pipeline-status", "config-files", "prompts"]) {
        void queries.invalidateQueries({ queryKey: [key] });
      }
      await navigate("/pipelines?view=files");
    } catch (error) {
      onLeaving(false);
      say.failed(error);
    }
  }
  return (
    <Confirm
      label={t("common.delete")}
      title={t("pipelines.files.deleteTitle", { name })}
      about={t("pipelines.files.deleteAbout")}
      confirm={t("common.delete")}
      onConfirm={remove}
    />
  );
}
