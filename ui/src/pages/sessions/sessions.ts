// What the page knows of sessions. Owns the queries, the acts, and what makes them old.
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";
import { useTranslation } from "react-i18next";

import { api, body } from "../../api/client";
import { useLive } from "../../api/live";
import type { components } from "../../api/schema";
import { useThrottled } from "../../parts/throttled";
import { useToast } from "../../parts/Toast";

export type Session = components["schemas"]["SessionView"];
export type Detail = components["schemas"]["SessionDetail"];
export type Said = components["schemas"]["StoredMessage"];

const SESSIONS = ["sessions"] as const;
const PAGE = 200;
/** Milliseconds between two looks, however many runs end. */
const EVERY = 2_000;

/** The list, page by page; `words` are of a title, or an id. */
export function useSessions(words: string) {
  return useInfiniteQuery({
    queryKey: [...SESSIONS, "list", words],
    initialPageParam: "",
    queryFn: async ({ pageParam }) => {
      const query = { q: words, limit: PAGE, before: pageParam };
      const { data, response } = await api.GET("/api/sessions", { params: { query } });
      return { rows: data ?? [], next: response.headers.get("x-next-cursor") ?? "" };
    },
    getNextPageParam: (page) => page.next || undefined,
  });
}

/** How many there are in all, whatever is searched for. */
export function useTotal() {
  return useQuery({
    queryKey: [...SESSIONS, "list", "", "total"],
    queryFn: () => body(api.GET("/api/sessions/diagnostics")),
    select: (all) => all.totalSessions,
  });
}

export function useSession(id: string) {
  return useQuery({
    queryKey: [...SESSIONS, "one", id],
    queryFn: () => body(api.GET("/api/sessions/{id}", { params: { path: { id } } })),
    enabled: id !== "",
  });
}

/** Look again when a run has ended somewhere. */
export function useFreshSessions(): void {
  const client = useQueryClient();
  const look = useThrottled(
    useCallback(() => void client.invalidateQueries({ queryKey: SESSIONS, refetchType: "active" }), [client]),
    EVERY,
  );
  useLive("runs", look);
}

/** Do something, say how it went, and look again; what is `gone` is not asked for any more. */
export function useAct() {
  const client = useQueryClient();
  const toast = useToast();
  const { t } = useTranslation();
  const { mutateAsync, isPending } = useMutation({
    mutationFn: ({ act }: { act: () => Promise<unknown>; gone?: boolean }) => act(),
    onSuccess: () => toast.done(t("sessions.done")),
    onError: (error) => toast.failed(error),
    onSettled: (_, __, { gone }) => client.invalidateQueries({ queryKey: gone ? [...SESSIONS, "list"] : SESSIONS }),
  });
  const run = (act: () => Promise<unknown>, gone = false) => mutateAsync({ act, gone }).catch(() => undefined);
  return { busy: isPending, run };
}

export const acts = {
  rename: (id: string, title: string) =>
    api.POST("/api/sessions/{id}/rename", { params: { path: { id } }, body: { title } }),
  clear: (id: string) => api.POST("/api/sessions/{id}/clear", { params: { path: { id } } }),
  compact: (id: string) => api.POST("/api/sessions/{id}/compact", { params: { path: { id } } }),
  reset: (id: string) =>
    api.POST("/api/sessions/{id}/reset-provider", { params: { path: { id } }, body: { purpose: null } }),
  remove: (id: string, chats: boolean) =>
    api.DELETE("/api/sessions/{id}", { params: { path: { id }, query: { chats } } }),
  removeAll: () => api.DELETE("/api/sessions"),
};

/** A stored message's words; parts that are no words are named in brackets. */
export function wordsOf(said: Said): string {
  if (typeof said.content === "string") return said.content;
  return said.content
    .map((part) => {
      if ("text" in part && typeof part.text === "string") return part.text;
      if ("arguments" in part) return `[${part.name}] ${part.arguments}`;
      return `[${part.type}]`;
    })
    .join("\n");
}
