// An edit of one file: the text it began with, the text as it is now, and what becomes of it.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, ApiError, body } from "../../api/client";
import { endsOf, unixEnds } from "../../parts/editor/ends";
import { useToast } from "../../parts/Toast";
import type { FileText } from "./files";

export interface Edit {
  /** With the line ends of an editor. */
  draft: string;
  /** As it would be saved. */
  whole: string;
  /** What it began with, as in the editor. */
  base: string;
  dirty: boolean;
  busy: boolean;
  /** Something else is on disk than what the edit began with; or nothing any more. */
  conflict: "changed" | "gone" | "";
  write: (text: string) => void;
  discard: () => void;
  /** The next save writes over what is on disk now. */
  insist: () => void;
  save: () => Promise<boolean>;
}

interface Begun {
  text: string;
  hash: string;
}

export function useEdit(file: FileText, gone: boolean): Edit {
  const { t } = useTranslation();
  const say = useToast();
  const queries = useQueryClient();
  const [begun, setBegun] = useState<Begun>(file);
  const [draft, setDraft] = useState(unixEnds(file.text));
  const [busy, setBusy] = useState(false);

  const base = unixEnds(begun.text);
  const dirty = draft !== base;
  const moved = !gone && file.hash !== begun.hash;
  if (moved && !dirty) {
    setBegun(file);
    setDraft(unixEnds(file.text));
  }
  const whole = endsOf(begun.text || file.text, draft);

  async function save(): Promise<boolean> {
    if (!dirty || busy || !file.writable) return false;
    setBusy(true);
    try {
      const path = { path: file.name };
      const saved = await body(
        api.PUT("/api/config-files/{path}", {
          params: { path },
          body: { text: whole, hash: begun.hash, draft: false },
        }),
      );
      const before = queries.getQueryData<{ version: number }>(["pipelines"])?.version;
      queries.setQueryData(["config-file", file.name], { ...file, text: whole, hash: saved.hash });
      setBegun({ text: whole, hash: saved.hash });
      const said = !saved.inForce ? "savedWaiting" : saved.version === before ? "savedSame" : "saved";
      say.done(t(`pipelines.files.${said}`, { name: file.name, version: saved.version }));
      for (const key of ["pipelines", "pipeline-status", "config-files", "prompts"]) {
        void queries.invalidateQueries({ queryKey: [key] });
      }
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 409) {
        await queries.invalidateQueries({ queryKey: ["config-file", file.name] });
      }
      say.failed(error);
      return false;
    } finally {
      setBusy(false);
    }
  }

  return {
    draft,
    whole,
    base,
    dirty,
    busy,
    conflict: !dirty ? "" : gone ? "gone" : moved ? "changed" : "",
    write: setDraft,
    discard: () => {
      setBegun(file);
      setDraft(unixEnds(file.text));
    },
    insist: () => setBegun(gone ? { text: "", hash: "" } : file),
    save,
  };
}
