// A new pipeline or prompt: named, and begun as a copy of another or empty.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";

import { api, body } from "../../api/client";
import type { components } from "../../api/schema";
import { Button } from "../../parts/Button";
import { Dialog } from "../../parts/Dialog";
import { Field } from "../../parts/Field";
import { useToast } from "../../parts/Toast";
import type { Entry } from "./files";
import { fileFor } from "./known";

interface Props {
  files: readonly Entry[];
  data: components["schemas"]["PipelinesView"];
  onClose: () => void;
}

const EMPTY_PROMPT = '---\nabout: ""\nvariables: []\n---\n';

export function NewFile({ files, data, onClose }: Props) {
  const { t } = useTranslation();
  const say = useToast();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [kind, setKind] = useState<"pipeline" | "prompt">("pipeline");
  const [name, setName] = useState("");
  const pipelines = files.filter((file) => file.kind === "pipeline");
  const usual = data.pipelines.find((each) => each.name === data.routes.at(-1)?.pipeline)?.place?.file;
  const [source, setSource] = useState(usual ?? pipelines[0]?.name ?? "");
  const [busy, setBusy] = useState(false);

  const file = fileFor(kind, name);
  const taken = files.some((each) => each.name === file);
  const problem = name === "" ? "" : file === "" ? "newWrong" : taken ? "newTaken" : "";

  async function create(): Promise<void> {
    setBusy(true);
    try {
      const text = kind === "prompt" ? EMPTY_PROMPT : await textOf(source);
      const path = { path: file };
      await body(api.PUT("/api/config-files/{path}", { params: { path }, body: { text, hash: "", draft: false } }));
      say.done(t("pipelines.files.created", { name: file }));
      await queries.invalidateQueries({ queryKey: ["config-files"] });
      onClose();
      await navigate(`/pipelines?${new URLSearchParams({ view: "files", file }).toString()}`);
    } catch (error) {
      say.failed(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Dialog open title={t("pipelines.files.newTitle")} onClose={onClose}>
      <form
        className="page"
        onSubmit={(event) => {
          event.preventDefault();
          if (file && !taken) void create();
        }}
      >
        <Field label={t("pipelines.files.newKind")}>
          {(field) => (
            <select {...field} value={kind} onChange={(event) => setKind(event.target.value as "pipeline" | "prompt")}>
              <option value="pipeline">{t("pipelines.plan.what.pipeline")}</option>
              <option value="prompt">{t("pipelines.plan.what.prompt")}</option>
            </select>
          )}
        </Field>
        <Field
          label={t("pipelines.files.newName")}
          about={t(kind === "pipeline" ? "pipelines.files.newNamePipeline" : "pipelines.files.newNamePrompt")}
          problem={problem ? t(`pipelines.files.${problem}`) : ""}
        >
          {(field) => (
            <input
              {...field}
              value={name}
              onChange={(event) => setName(event.target.value.trim())}
              autoComplete="off"
            />
          )}
        </Field>
        {kind === "pipeline" ? (
          <Field label={t("pipelines.files.newSource")}>
            {(field) => (
              <select {...field} value={source} onChange={(event) => setSource(event.target.value)}>
                {pipelines.map((each) => (
                  <option key={each.name}>{each.name}</option>
                ))}
              </select>
            )}
          </Field>
        ) : null}
        <div className="row-end">
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button primary type="submit" disabled={busy || !file || taken}>
            {t("pipelines.files.create")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

async function textOf(name: string): Promise<string> {
  return (await body(api.GET("/api/config-files/{path}", { params: { path: { path: name } } }))).text;
}
