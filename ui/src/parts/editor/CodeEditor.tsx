// The code editor itself, CodeMirror. Loaded when an editor is opened; use it through Editor.tsx.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, foldGutter, foldKeymap, indentOnInput } from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, openSearchPanel, search, searchKeymap } from "@codemirror/search";
import { Annotation, Compartment, EditorState, type Extension } from "@codemirror/state";
import {
  drawSelection,
  dropCursor,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { useEffect, useEffectEvent, useRef } from "react";
import { useTranslation } from "react-i18next";

import { nonce } from "../../app/nonce";
import { useShownTheme } from "../../app/theme";
import { completion, meanings } from "./complete";
import type { EditorProps, Language } from "./Editor";
import { look } from "./look";
import { marksOf, offsetOf } from "./marks";

/** A change that came from outside and is not to be told. */
const given = Annotation.define<boolean>();

const languages: Record<Language, () => Extension> = {
  yaml: () => yaml(),
  json: () => json(),
  text: () => EditorView.lineWrapping,
};

const basics: Extension = [
  lineNumbers(),
  highlightActiveLineGutter(),
  highlightSpecialChars(),
  history(),
  foldGutter(),
  drawSelection(),
  dropCursor(),
  EditorState.allowMultipleSelections.of(true),
  indentOnInput(),
  bracketMatching(),
  closeBrackets(),
  highlightActiveLine(),
  highlightSelectionMatches(),
  search({ top: true }),
  lintGutter(),
  // Tab is not taken: it leads on to the next control, as everywhere.
  keymap.of([
    ...closeBracketsKeymap,
    ...defaultKeymap,
    ...searchKeymap,
    ...historyKeymap,
    ...foldKeymap,
    ...completionKeymap,
    ...lintKeymap,
  ]),
];

export default function CodeEditor(props: EditorProps) {
  const { label, value, language = "text", readOnly = false, problems, schema, spot, describedBy, searching } = props;
  const { t } = useTranslation();
  const theme = useShownTheme();
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const parts = useRef({ theme: new Compartment(), fixed: new Compartment(), words: new Compartment() });
  const known = useRef(schema);

  const changed = useEffectEvent((text: string) => props.onChange?.(text));
  const saved = useEffectEvent(() => props.onSave?.());
  const begin = useEffectEvent((parent: HTMLDivElement) => {
    const { theme: dress, fixed, words } = parts.current;
    return new EditorView({
      parent,
      state: EditorState.create({
        doc: value,
        extensions: [
          EditorView.cspNonce.of(nonce()),
          dress.of(look(theme)),
          fixed.of(fixedFor(readOnly)),
          words.of([]),
          keymap.of([{ key: "Mod-s", run: () => (saved(), true) }]),
          basics,
          languages[language](),
          language === "yaml" ? meanings(() => known.current) : [],
          autocompletion({ override: [completion(() => known.current)] }),
          EditorView.updateListener.of((update) => {
            if (!update.docChanged || update.transactions.some((one) => one.annotation(given))) return;
            changed(update.state.doc.toString());
          }),
        ],
      }),
    });
  });

  useEffect(() => {
    if (!host.current) return;
    const made = begin(host.current);
    view.current = made;
    return () => {
      view.current = null;
      made.destroy();
    };
  }, [language]);

  useEffect(() => {
    known.current = schema;
  }, [schema]);

  useEffect(() => {
    const attributes = {
      "aria-label": label,
      tabindex: "0",
      ...(describedBy ? { "aria-describedby": describedBy } : {}),
      ...(readOnly ? { "aria-readonly": "true" } : {}),
    };
    const phrases = t("editor.phrases", { returnObjects: true });
    view.current?.dispatch({
      effects: [
        parts.current.theme.reconfigure(look(theme)),
        parts.current.fixed.reconfigure(fixedFor(readOnly)),
        parts.current.words.reconfigure([EditorView.contentAttributes.of(attributes), EditorState.phrases.of(phrases)]),
      ],
    });
  }, [theme, readOnly, label, describedBy, language, t]);

  useEffect(() => {
    const now = view.current;
    if (!now || now.state.doc.toString() === value) return;
    now.dispatch({
      changes: { from: 0, to: now.state.doc.length, insert: value },
      annotations: given.of(true),
    });
  }, [value, language]);

  useEffect(() => {
    const now = view.current;
    if (now) now.dispatch(setDiagnostics(now.state, marksOf(now.state.doc, problems ?? [])));
  }, [problems, language]);

  useEffect(() => {
    const now = view.current;
    if (!now || !spot) return;
    const at = offsetOf(now.state.doc, spot.line, spot.col);
    now.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
    now.focus();
  }, [spot, language]);

  useEffect(() => {
    if (searching && view.current) openSearchPanel(view.current);
  }, [searching]);

  return <div className="editor" ref={host} />;
}

function fixedFor(readOnly: boolean): Extension {
  return [EditorState.readOnly.of(readOnly), EditorView.editable.of(!readOnly)];
}
