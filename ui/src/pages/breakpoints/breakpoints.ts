// What the page knows of breakpoints and of flows that wait. Owns the queries, what makes them old, and the acts.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";

import { api, body } from "../../api/client";
import { useLive } from "../../api/live";
import type { components } from "../../api/schema";

export type Breakpoint = components["schemas"]["BreakpointView"];
export type Halted = components["schemas"]["HaltedView"];
export type HaltedDetail = components["schemas"]["HaltedDetail"];
type BreakpointBody = components["schemas"]["BreakpointBody"];
type EditBody = components["schemas"]["EditBody"];
type AnswerBody = components["schemas"]["AnswerBody"];

const ALL = ["breakpoints"] as const;

/** Those that are armed, and those that wait. */
export function useBreakpoints() {
  return useQuery({ queryKey: ALL, queryFn: () => body(api.GET("/api/breakpoints")) });
}

/** Look again when one is armed, or a flow waits or goes on. */
export function useFreshBreakpoints(): void {
  const client = useQueryClient();
  const look = useCallback(() => void client.invalidateQueries({ queryKey: ALL }), [client]);
  useLive("breakpoints", look);
}

export function useBoundaries() {
  return useQuery({
    queryKey: ["breakpoint-boundaries"],
    queryFn: () => body(api.GET("/api/breakpoints/boundaries")),
  });
}

/** What one waits with; it does not change while it waits. */
export function useHalted(id: string) {
  return useQuery({
    queryKey: ["halted", id],
    queryFn: () => body(api.GET("/api/halted/{id}", { params: { path: { id } } })),
    staleTime: Infinity,
    gcTime: 0,
  });
}

function useAct<Given, Told>(act: (given: Given) => Promise<Told>) {
  const client = useQueryClient();
  return useMutation({ mutationFn: act, onSettled: () => client.invalidateQueries({ queryKey: ALL }) });
}

export function useArm() {
  return useAct((given: BreakpointBody) => body(api.POST("/api/breakpoints", { body: given })));
}

export function useDisarm() {
  return useAct((id: string) => body(api.DELETE("/api/breakpoints/{id}", { params: { path: { id } } })));
}

export function useResume() {
  return useAct((id: string) => body(api.POST("/api/halted/{id}/resume", { params: { path: { id } } })));
}

export function useEdit(id: string) {
  return useAct((given: EditBody) =>
    body(api.POST("/api/halted/{id}/edit", { params: { path: { id } }, body: given })),
  );
}

export function useAnswer(id: string) {
  return useAct((given: AnswerBody) =>
    body(api.POST("/api/halted/{id}/answer", { params: { path: { id } }, body: given })),
  );
}

export function useAbort(id: string) {
  return useAct((reason: string) =>
    body(api.POST("/api/halted/{id}/abort", { params: { path: { id } }, body: { reason } })),
  );
}

/** What was held, as it is edited. */
export function held(halted: HaltedDetail): string {
  return JSON.stringify(halted.side === "request" ? halted.document : halted.events, null, 2);
}

/** What is sent of an edited text. Throws SyntaxError for what is no JSON. */
export function edited(halted: HaltedDetail, text: string): EditBody {
  const given = JSON.parse(text) as unknown;
  return (halted.side === "request" ? { document: given } : { events: given }) as EditBody;
}
