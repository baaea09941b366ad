// What the page knows of the files: the list, one text, what an edit would do.
import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { api, body } from "../../api/client";
import type { components } from "../../api/schema";
import { useRested } from "../../parts/editor/rested";
import type { Schema } from "../../parts/editor/schema";
import { routesSchema } from "./known";

type Schemas = components["schemas"];
export type Entry = Schemas["FileEntry"];
export type FileText = Schemas["FileText"];
export type Plan = Schemas["EditPlan"];

/** Milliseconds of rest after which an edit is looked at. */
const TYPING = 350;

export function useFiles() {
  return useQuery({ queryKey: ["config-files"], queryFn: () => body(api.GET("/api/config-files")) });
}

export function useFile(name: string, wanted: boolean) {
  return useQuery({
    queryKey: ["config-file", name],
    enabled: wanted,
    queryFn: () => body(api.GET("/api/config-files/{path}", { params: { path: { path: name } } })),
  });
}

/** What is wrong with an edit, a moment after the last key. */
export function useCheck(name: string, text: string, wanted: boolean) {
  const rested = useRested(text, TYPING);
  const found = useQuery({
    queryKey: ["config-check", name, rested],
    queryFn: ({ signal }) => body(api.POST("/api/config-files/check", { body: { path: name, text: rested }, signal })),
    enabled: wanted,
    gcTime: 10_000,
    placeholderData: keepPreviousData,
  });
  return { diagnostics: found.data?.diagnostics, waiting: rested !== text || found.isFetching };
}

export function usePlan(name: string, text: string) {
  return useQuery({
    queryKey: ["config-plan", name, text],
    queryFn: ({ signal }) => body(api.POST("/api/config-files/plan", { body: { path: name, text }, signal })),
    gcTime: 0,
    staleTime: 0,
  });
}

/** The schema of a file, for completion. Prompts have none. */
export function useSchema(kind: Entry["kind"], data: Schemas["PipelinesView"]): Schema | undefined {
  const name = kind === "routes" ? "routes.schema.json" : "pipeline.schema.json";
  const found = useQuery({
    queryKey: ["schema", name, data.version],
    queryFn: () => body(api.GET("/api/schemas/{name}", { params: { path: { name } } })),
    enabled: kind !== "prompt",
    staleTime: Infinity,
  });
  const schema = found.data as Schema | undefined;
  if (!schema || kind === "prompt") return undefined;
  return kind === "routes" ? routesSchema(schema, data) : schema;
}
