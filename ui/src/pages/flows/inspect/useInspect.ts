// What the inspector asks luna for, and where in a recording it stands: that is in the address.
import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { api, body } from "../../../api/client";
import type { components } from "../../../api/schema";
import { useAddress } from "../../../parts/address";
import type { Timeline, Window } from "./axis";

export type Batch = components["schemas"]["BatchView"];
export type Comparison = components["schemas"]["ComparisonView"];
export type ReplayBody = components["schemas"]["ReplayBody"];

/** Batches that are fetched at a time. */
export const PAGE = 200;
/** A recording does not change. */
const LASTING = { staleTime: Infinity, gcTime: 60_000 };

export interface Spot {
  /** The boundary. */
  at: string;
  /** The batch, from 1; 0 for none. */
  n: number;
}

/** A boundary and a batch that there are: the first change where the address names none. */
export function useSpot(told: Timeline | undefined): [Spot, (next: Partial<Spot>) => void] {
  const [search, change] = useAddress();
  const names = told?.boundaries.map(({ name }) => name) ?? [];
  const wanted = search.get("at") ?? "";
  const first = told?.firstChange;
  const at = names.includes(wanted) ? wanted : (first?.boundary ?? names[0] ?? "");
  const asked = Number(search.get("n")) || (names.includes(wanted) ? 1 : (first?.batch ?? 1)) || 1;
  const n = Math.min(told?.batches ?? 0, Math.max(1, Math.floor(asked)));
  function move(next: Partial<Spot>): void {
    change({
      ...(next.at === undefined ? {} : { at: next.at }),
      ...(next.n === undefined ? {} : { n: String(next.n) }),
    });
  }
  return [{ at, n }, move];
}

export function useTimeline(id: string, window: Window | null) {
  const query = window ? { from: window.from, to: window.to } : {};
  return useQuery({
    queryKey: ["inspect", id, "timeline", query],
    queryFn: () => body(api.GET("/api/flows/{id}/timeline", { params: { path: { id }, query } })),
    placeholderData: keepPreviousData,
    ...LASTING,
  });
}

/** The page that batch `n` is on; for a document the document. */
export function useBoundary(id: string, name: string, n: number) {
  const after = Math.floor(Math.max(0, n - 1) / PAGE) * PAGE;
  return useQuery({
    queryKey: ["inspect", id, "boundary", name, after],
    queryFn: () => {
      const params = { path: { id, name }, query: { after, limit: PAGE } };
      return body(api.GET("/api/flows/{id}/boundaries/{name}", { params }));
    },
    enabled: name !== "",
    ...LASTING,
  });
}

export function useStory(id: string, n: number) {
  return useQuery({
    queryKey: ["inspect", id, "batch", n],
    queryFn: () => body(api.GET("/api/flows/{id}/batches/{n}", { params: { path: { id, n: String(n) } } })),
    enabled: n > 0,
    placeholderData: keepPreviousData,
    ...LASTING,
  });
}

export function usePipelineNames() {
  return useQuery({
    queryKey: ["pipelines"],
    queryFn: () => body(api.GET("/api/pipelines")),
    select: (view) => view.pipelines.map(({ name }) => name),
  });
}

export function replay(id: string, how: ReplayBody): Promise<Comparison> {
  return body(api.POST("/api/flows/{id}/replay", { params: { path: { id } }, body: how }));
}
