// Which luna this is, and whether it shows a bundle: then one flow is all there is, and nothing can be changed.
import { useQuery } from "@tanstack/react-query";

import { api, body } from "../api/client";
import type { components } from "../api/schema";

export type Opened = components["schemas"]["OpenedView"];

/** The pages that are worth a look in a bundle. */
export const SHOWN: readonly string[] = ["flows", "pipelines", "prompts", "logs"];

function useAnswer(): Opened | undefined {
  const found = useQuery({
    queryKey: ["opened"],
    queryFn: () => body(api.GET("/api/opened")),
    staleTime: Infinity,
  });
  return found.data;
}

/** Undefined for a luna that works, and as long as that is not known. */
export function useOpened(): Opened | undefined {
  const found = useAnswer();
  return found?.flow ? found : undefined;
}

/** False where nothing can be changed and nobody asked: what would do so is not offered. */
export function useMayChange(): boolean {
  return useAnswer()?.changes ?? true;
}

/** The luna that runs; "" as long as that is not known. */
export function useVersion(): string {
  return useAnswer()?.version ?? "";
}
