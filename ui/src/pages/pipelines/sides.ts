// The sides on which stages work, and what they are called.
import type { TFunction } from "i18next";

const SIDES = ["request", "around", "transport", "answer", "response", "encode"] as const;
export type Side = (typeof SIDES)[number];

export function isSide(name: string): name is Side {
  return SIDES.some((side) => side === name);
}

/** A side in a person's words. */
export function sideOf(t: TFunction, side: string): string {
  return isSide(side) ? t(`pipelines.sides.${side}`) : side;
}
