// What the page knows of the configuration: pipelines as compiled, the state of the files, flows by stage.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";

import { api, body } from "../../api/client";
import { useLive, type LiveEvent } from "../../api/live";
import type { components } from "../../api/schema";

type Schemas = components["schemas"];
export type Pipeline = Schemas["PipelineView"];
export type Stage = Schemas["PipelineStage"];
export type Option = Schemas["OptionView"];
export type Route = Schemas["RouteView"];
export type Place = Schemas["PlaceView"];
export type StageCounts = Schemas["StageCounts"];

export function usePipelines() {
  return useQuery({ queryKey: ["pipelines"], queryFn: () => body(api.GET("/api/pipelines")) });
}

export function useStatus() {
  return useQuery({ queryKey: ["pipeline-status"], queryFn: () => body(api.GET("/api/pipeline")) });
}

/** Looks again at everything that is made of the files when they have changed. */
export function useFileChanges(): void {
  const queries = useQueryClient();
  const look = useCallback(
    (event: LiveEvent) => {
      const changed = (event.data as { changed?: string } | null)?.changed;
      if (event.topic !== "reset" && changed !== "files") return;
      for (const key of ["pipelines", "pipeline-status", "config-files", "config-file", "explain"]) {
        void queries.invalidateQueries({ queryKey: [key] });
      }
    },
    [queries],
  );
  useLive("config", look);
}

/** Flows by pipeline and stage, as they are now. */
export function useStageCounts(): StageCounts["pipelines"] {
  const queries = useQueryClient();
  const { data } = useQuery({ queryKey: ["stages"], queryFn: () => body(api.GET("/api/stages")) });
  const take = useCallback(
    (event: LiveEvent) => {
      if (event.topic === "reset") void queries.invalidateQueries({ queryKey: ["stages"] });
      else queries.setQueryData<StageCounts>(["stages"], event.data as StageCounts);
    },
    [queries],
  );
  useLive("stages", take);
  return data?.pipelines ?? {};
}

/** All flows of a pipeline. */
export function flowsOf(counts: StageCounts["pipelines"], pipeline: string): number {
  return Object.values(counts[pipeline] ?? {}).reduce((sum, count) => sum + count, 0);
}

/** A value as it would be written. */
export function written(value: unknown): string {
  if (typeof value === "string") return value === "" ? '""' : value;
  if (value === null || value === undefined) return "–";
  if (Array.isArray(value)) return value.length === 0 ? "[]" : value.map(written).join(", ");
  return JSON.stringify(value);
}

/** The address of a place in a file of the configuration. */
export function addressOf(place: Pick<Place, "file" | "line" | "col">): string {
  const asked = new URLSearchParams({ view: "files", file: place.file, line: `${place.line}`, col: `${place.col}` });
  return `/pipelines?${asked.toString()}`;
}
