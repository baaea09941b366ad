// The code editor as pages use it. What it is made of is fetched when the first one is shown.
import { lazy, Suspense } from "react";

import { Loading } from "../Empty";
import type { Problem } from "./marks";
import type { Schema } from "./schema";
import "./editor.css";

export type Language = "yaml" | "json" | "text";

/** A place to go to; the same one again is another object. */
export interface Target {
  line: number;
  col: number;
}

export interface EditorProps {
  /** What it holds, for who cannot see it. */
  label: string;
  value: string;
  onChange?: (text: string) => void;
  /** By the keyboard, as people are used to. */
  onSave?: () => void;
  language?: Language;
  readOnly?: boolean;
  /** The same array as long as they are the same: between two of them the marks move with the text. */
  problems?: readonly Problem[] | undefined;
  /** Of the document, for completion and explanations. */
  schema?: Schema | undefined;
  spot?: Target | undefined;
  /** The id of what explains or complains about it. */
  describedBy?: string | undefined;
  /** Anything but 0 opens the search. */
  searching?: number;
}

const CodeEditor = lazy(() => import("./CodeEditor"));

export function Editor(props: EditorProps) {
  return (
    <Suspense fallback={<Loading />}>
      <CodeEditor {...props} />
    </Suspense>
  );
}

interface DifferenceProps {
  label: string;
  before: string;
  after: string;
  language?: Language;
}

const CodeDifference = lazy(() => import("./CodeDifference"));

/** Two texts as one, with what went and what came. */
export function Difference(props: DifferenceProps) {
  return (
    <Suspense fallback={<Loading />}>
      <CodeDifference {...props} />
    </Suspense>
  );
}
