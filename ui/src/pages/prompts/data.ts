// What the page knows of the prompts, and how a text that is not saved would come out.
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";

import { api, ApiError, body } from "../../api/client";
import { useLive, type LiveEvent } from "../../api/live";
import type { components } from "../../api/schema";
import type { Problem } from "../../parts/editor/marks";

export type Prompt = components["schemas"]["PromptEntry"];
export type Changed = components["schemas"]["Changed"];

export function usePrompts() {
  const queries = useQueryClient();
  const look = useCallback(
    (event: LiveEvent) => {
      const changed = (event.data as { changed?: string } | null)?.changed;
      if (event.topic === "reset" || changed === "files") void queries.invalidateQueries({ queryKey: ["prompts"] });
    },
    [queries],
  );
  useLive("config", look);
  return useQuery({ queryKey: ["prompts"], queryFn: () => body(api.GET("/api/prompts")) });
}

/** A text with its variables filled in, or what is wrong with it. */
export function usePreview(id: string, value: string, variables: Record<string, string>) {
  return useQuery({
    queryKey: ["prompt-preview", id, value, variables],
    queryFn: ({ signal }) => body(api.POST("/api/prompts/preview", { body: { id, value, variables }, signal })),
    gcTime: 10_000,
    retry: false,
    placeholderData: keepPreviousData,
  });
}

/** The mistakes that luna names in its refusal: `value:LINE:COLUMN`. */
export function problemsOf(error: unknown): Problem[] {
  if (!(error instanceof ApiError) || error.status !== 422) return [];
  return error.fields.map(({ path, message }) => {
    const [, line = "0", col = "0"] = path.split(":");
    return { line: Number(line), col: Number(col), message, severity: "error" };
  });
}
