// The proxy key that this page shows to luna's model endpoints. Only in memory: a reload forgets it.
import { useSyncExternalStore } from "react";

let key = "";
const listeners = new Set<() => void>();

export function setProxyKey(next: string): void {
  key = next.trim();
  listeners.forEach((listener) => listener());
}

export function useProxyKey(): string {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => key,
  );
}
