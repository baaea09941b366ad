// Which models a person looks for. Pure.
import type { components } from "../../api/schema";

type Model = components["schemas"]["ModelEntry"];

export const CAPABILITIES = ["thinking", "image", "video", "audio"] as const;
export type Capability = (typeof CAPABILITIES)[number];

export function can(model: Model, capability: Capability): boolean {
  if (capability === "thinking") return model.thinking !== "none" && model.thinking !== "unknown";
  return model.modality.includes(capability);
}

/** Every word stands in its name, its id, what is said of it, or a name that leads to it. */
export function matches(model: Model, words: string): boolean {
  const text = [model.id, model.name, model.description, ...model.aliases].join(" ").toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** `262144` as `256K`, `1000000` as `1M`; "–" where nobody knows. */
export function tokens(count: number): string {
  if (count === 0) return "–";
  if (count >= 1_000_000) return `${(count / 1_000_000).toFixed(1).replace(/\.0$/, "")}M`;
  return count >= 1000 ? `${Math.round(count / 1024)}K` : String(count);
}
