// What is known of one flow, kept as fresh as luna tells, and the parts of it that are fetched when they are looked at.
import { keepPreviousData, useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";

import { api, body } from "../../api/client";
import { useLive, type LiveEvent } from "../../api/live";
import type { components } from "../../api/schema";
import { rowIn } from "./rows";

export type Face = components["schemas"]["FaceView"];
export type Part = components["schemas"]["FacePart"];
export type Piece = components["schemas"]["FacePiece"];
type Sent = components["schemas"]["RunView"];
/** luna leaves out what it does not know. */
export type Run = Partial<Sent> & Pick<Sent, "id" | "status" | "createdAt">;

/** Milliseconds for which a choice must last before it is looked up: keys that are held down move quickly. */
const SETTLED = 80;
const FIRST_PART = 256 * 1024;
const NEXT_PART = 1024 * 1024;
/** Bytes that are fetched unasked. */
const UNASKED = 8 * 1024 * 1024;
const PIECES = 500;

function useSettled(id: string): string {
  const [settled, setSettled] = useState(id);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(id), SETTLED);
    return () => clearTimeout(timer);
  }, [id]);
  return settled;
}

export function flowKey(id: string): readonly string[] {
  return ["flow", id];
}

export function useFlow(wanted: string) {
  const id = useSettled(wanted);
  const client = useQueryClient();
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useLive(
    "runs",
    useCallback(
      (event: LiveEvent) => {
        if (event.topic !== "reset" && rowIn(event.data)?.id !== id) return;
        timer.current ??= setTimeout(() => {
          timer.current = undefined;
          void client.invalidateQueries({ queryKey: flowKey(id) });
        }, SETTLED);
      },
      [client, id],
    ),
  );
  useEffect(() => () => clearTimeout(timer.current), []);
  return useQuery({
    queryKey: flowKey(id),
    queryFn: () => body(api.GET("/api/flows/{id}", { params: { path: { id } } })),
    placeholderData: keepPreviousData,
  });
}

async function part(id: string, name: string, pretty: boolean, offset: number, limit: number): Promise<Part> {
  const params = { path: { id, name }, query: { pretty, offset, limit } };
  return body(api.GET("/api/flows/{id}/face/{name}", { params }));
}

/** A body, as far as it was fetched: the beginning at once, the rest behind it. */
export function useBody(id: string, name: string, pretty: boolean) {
  const query = useInfiniteQuery({
    queryKey: ["flow-body", id, name, pretty],
    queryFn: ({ pageParam }) => part(id, name, pretty, pageParam, pageParam === 0 ? FIRST_PART : NEXT_PART),
    initialPageParam: 0,
    getNextPageParam: (last) => last.next ?? undefined,
    staleTime: Infinity,
    gcTime: 60_000,
  });
  const { hasNextPage, isFetchingNextPage, fetchNextPage, data } = query;
  const fetched = data?.pages.at(-1)?.next ?? 0;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && fetched < UNASKED) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage, fetched]);
  return query;
}

/** All of a body, as it was. */
export async function wholeBody(id: string, name: string): Promise<string> {
  const texts: string[] = [];
  for (let offset: number | null = 0; offset !== null;) {
    const some: Part = await part(id, name, false, offset, NEXT_PART);
    texts.push(some.text);
    offset = some.next;
  }
  return texts.join("");
}

export function usePieces(id: string, name: string) {
  return useInfiniteQuery({
    queryKey: ["flow-pieces", id, name],
    queryFn: ({ pageParam }) => {
      const params = { path: { id, name }, query: { after: pageParam, limit: PIECES } };
      return body(api.GET("/api/flows/{id}/pieces/{name}", { params }));
    },
    initialPageParam: 0,
    getNextPageParam: (last) => (last.length < PIECES ? undefined : last.at(-1)?.number),
    staleTime: Infinity,
    gcTime: 60_000,
  });
}

export function useStage(id: string, name: string) {
  return useQuery({
    queryKey: ["flow-stage", id, name],
    queryFn: () => body(api.GET("/api/flows/{id}/stage/{name}", { params: { path: { id, name } } })),
    staleTime: Infinity,
    gcTime: 60_000,
  });
}
