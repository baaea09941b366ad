// Light, dark, or as the system has it. Owns the choice and where it is kept.
import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";

const KEY = "luna.theme";
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

export function chosenTheme(): Theme {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : "system";
}

export function shownTheme(): "light" | "dark" {
  const chosen = chosenTheme();
  return chosen === "system" ? (dark.matches ? "dark" : "light") : chosen;
}

function show(): void {
  document.documentElement.dataset["theme"] = shownTheme();
  listeners.forEach((listener) => listener());
}

export function chooseTheme(theme: Theme): void {
  if (theme === "system") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, theme);
  show();
}

export function startTheme(): void {
  dark.addEventListener("change", show);
  show();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, chosenTheme);
}

/** For what cannot be coloured by CSS alone: charts and the editor. */
export function useShownTheme(): "light" | "dark" {
  return useSyncExternalStore(subscribe, shownTheme);
}
