// What the page knows of new shapes in Qwen's traffic. Owns the query, what makes it old, and the act of taking note.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";

import { api, body } from "../../api/client";
import { useLive } from "../../api/live";
import type { components } from "../../api/schema";

export type Finding = components["schemas"]["Finding"];

const DRIFT = ["drift"] as const;

export function useDrift() {
  const client = useQueryClient();
  const look = useCallback(() => void client.invalidateQueries({ queryKey: DRIFT }), [client]);
  useLive("drift", look);
  return useQuery({ queryKey: DRIFT, queryFn: () => body(api.GET("/api/drift")), staleTime: 30_000 });
}

/** Take note of these, or of all. */
export function useMarkKnown() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (ids?: string[]) => body(api.POST("/api/drift/known", { body: ids ? { ids } : {} })),
    onSettled: () => client.invalidateQueries({ queryKey: DRIFT }),
  });
}
