// What the settings are now, and their description: fetched once, and again when luna says that they have changed.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";
import { useTranslation } from "react-i18next";

import { api, body } from "../../api/client";
import { useLive } from "../../api/live";
import type { components } from "../../api/schema";
import { meanings, type Known } from "../../i18n/meanings";
import { asDocument, readSchema } from "./schema";

export type Config = components["schemas"]["ConfigDocument"];

export const CONFIG = ["config"] as const;

export function useConfig() {
  const queries = useQueryClient();
  const changed = useCallback(() => void queries.invalidateQueries({ queryKey: CONFIG }), [queries]);
  useLive("config", changed);
  return useQuery({ queryKey: CONFIG, queryFn: () => body(api.GET("/api/config")) });
}

export function useSections() {
  return useQuery({
    queryKey: ["config-schema"],
    staleTime: Infinity,
    queryFn: async () => readSchema(asDocument(await body(api.GET("/api/config/schema")))),
  });
}

/** Names and meanings in the language of the page; those that luna itself has are English. */
export function useMeanings(): Known | undefined {
  const { i18n } = useTranslation();
  const language = i18n.language;
  return useQuery({ queryKey: ["meanings", language], staleTime: Infinity, queryFn: () => meanings(language) }).data;
}
