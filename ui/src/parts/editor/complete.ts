// Completion and explanation of keys and values, from a JSON Schema.
import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { hoverTooltip } from "@codemirror/view";
import type { Extension } from "@codemirror/state";

import { spotAt } from "./place";
import { meaningOf, offers, type Schema } from "./schema";

/** The source of completions for documents of that schema. */
export function completion(schema: () => Schema | undefined) {
  return (context: CompletionContext): CompletionResult | null => {
    const root = schema();
    if (!root) return null;
    const text = context.state.doc.toString();
    const spot = spotAt(text, context.pos);
    if (!spot) return null;
    if (spot.from === context.pos && !context.explicit && !/[\s:[{,-]/.test(text[context.pos - 1] ?? "\n")) return null;
    const found = offers(root, spot);
    if (found.length === 0) return null;
    const colon = spot.kind === "key" && !/^\s*:/.test(text.slice(spot.to));
    const options = found.map((offer): Completion => ({
      label: offer.label,
      detail: offer.detail,
      ...(offer.about ? { info: offer.about } : {}),
      type: offer.kind === "key" ? "property" : "enum",
      ...(offer.kind === "key" && colon ? { apply: `${offer.label}: ` } : {}),
      boost: offer.required ? 10 : 0,
    }));
    return { from: spot.from, to: spot.to, options, validFor: /^[\w./:*-]*$/ };
  };
}

/** Says what the key under the pointer means. */
export function meanings(schema: () => Schema | undefined): Extension {
  return hoverTooltip((view, position) => {
    const root = schema();
    const word = view.state.wordAt(position);
    if (!root || !word) return null;
    const spot = spotAt(view.state.doc.toString(), word.from);
    if (spot?.kind !== "key") return null;
    const key = view.state.sliceDoc(spot.from, spot.to);
    const said = meaningOf(root, [...spot.path, key], spot.document);
    if (!said) return null;
    return {
      pos: spot.from,
      end: spot.to,
      above: true,
      create: () => {
        const dom = document.createElement("div");
        dom.className = "cm-diagnostic";
        dom.textContent = said;
        return { dom };
      },
    };
  });
}
