// The difference of two texts, CodeMirror's unified view. Loaded when one is shown; use it through Editor.tsx.
import { yaml } from "@codemirror/lang-yaml";
import { unifiedMergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView, lineNumbers } from "@codemirror/view";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";

import { nonce } from "../../app/nonce";
import { useShownTheme } from "../../app/theme";
import type { Language } from "./Editor";
import { look } from "./look";

interface Props {
  label: string;
  before: string;
  after: string;
  language?: Language;
}

export default function CodeDifference({ label, before, after, language = "text" }: Props) {
  const { t } = useTranslation();
  const theme = useShownTheme();
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!host.current) return;
    const view = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: after,
        extensions: [
          EditorView.cspNonce.of(nonce()),
          EditorState.phrases.of(t("editor.phrases", { returnObjects: true })),
          look(theme),
          lineNumbers(),
          EditorView.lineWrapping,
          language === "yaml" ? yaml() : [],
          EditorState.readOnly.of(true),
          EditorView.editable.of(false),
          EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
          unifiedMergeView({
            original: before,
            mergeControls: false,
            allowInlineDiffs: false,
            highlightChanges: false,
            collapseUnchanged: { margin: 3, minSize: 6 },
          }),
        ],
      }),
    });
    return () => view.destroy();
  }, [before, after, language, label, theme, t]);
  return <div className="editor editor-difference" ref={host} />;
}
