import type { ReactNode } from "react";

import "./parts.css";

export type Tone = "plain" | "good" | "warn" | "bad" | "info";

const SIGNS: Record<Tone, string> = { plain: "", good: "✓", warn: "!", bad: "✕", info: "…" };

/** A state in a word. The sign says the same as the colour. */
export function Badge({ tone = "plain", children }: { tone?: Tone; children: ReactNode }) {
  return (
    <span className="badge" data-tone={tone}>
      {SIGNS[tone] ? <span aria-hidden="true">{SIGNS[tone]}</span> : null}
      {children}
    </span>
  );
}
