// The list of flows that a filter wants: pages as they are scrolled to, and news as it happens.
//
// Owns when luna is asked. A row that is news is shown as it is told; where a filter is in force luna is asked which of
// the news it wants, for it alone knows what a filter means.
import { keepPreviousData, useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { api, body } from "../../api/client";
import { useLive, type LiveEvent } from "../../api/live";
import { merged, rowIn, rowOf, type Changes, type Row } from "./rows";

const PAGE = 200;
/** Milliseconds between two changes of the list, so that a busy luna is few of them: the first news comes at once. */
const GATHER = 80;
/** The same where luna has to be asked. */
const GATHER_FILTERED = 150;
/** News that is kept; beyond that the list is read again. */
const MOST = 10_000;
/** Ids in one question. */
const MANY = 200;

async function page(filter: string, before: string): Promise<{ rows: Row[]; next: string }> {
  const { data, response } = await api.GET("/api/flows", { params: { query: { filter, before, limit: PAGE } } });
  return { rows: (data ?? []).map(rowOf), next: response.headers.get("x-next-cursor") ?? "" };
}

/** Which of these rows the filter wants, as they are now. */
async function wanted(filter: string, ids: readonly string[]): Promise<Changes> {
  const changes = new Map<string, Row | null>(ids.map((id) => [id, null]));
  for (let from = 0; from < ids.length; from += MANY) {
    const some = ids.slice(from, from + MANY).join(",");
    const rows = await body(api.GET("/api/flows", { params: { query: { filter, ids: some } } }));
    for (const row of rows) changes.set(row.id, rowOf(row));
  }
  return changes;
}

/** Milliseconds between two countings, however much happens. */
const COUNT = 1_500;

/** How many flows the filter wants. `gone`: how many of them were deleted here. */
export function useCount(filter: string, gone: number) {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const query = useQuery({
    queryKey: ["flow-count", filter, gone],
    queryFn: () => body(api.GET("/api/flows/count", { params: { query: { filter } } })),
    placeholderData: keepPreviousData,
    gcTime: 0,
  });
  const client = useQueryClient();
  useLive(
    "runs",
    useCallback(() => {
      timer.current ??= setTimeout(() => {
        timer.current = undefined;
        const refetchType = document.hidden ? "none" : "active";
        void client.invalidateQueries({ queryKey: ["flow-count"], refetchType });
      }, COUNT);
    }, [client]),
  );
  useEffect(() => () => clearTimeout(timer.current), []);
  return query;
}

export function flowsKey(filter: string): readonly string[] {
  return ["flows", filter];
}

const NONE: Changes = new Map();

/** Use it in a component that has `filter` as its key: another filter is another list. */
export function useFlows(filter: string, paused: boolean) {
  const client = useQueryClient();
  const [changes, setChanges] = useState<Changes>(NONE);
  const [held, setHeld] = useState(0);
  const gathered = useRef(new Map<string, Row>());
  const kept = useRef(NONE);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const order = useRef(Promise.resolve());
  const pausing = useRef(paused);
  const taken = useRef(0);

  const query = useInfiniteQuery({
    queryKey: flowsKey(filter),
    queryFn: ({ pageParam }) => page(filter, pageParam),
    initialPageParam: "",
    getNextPageParam: (last) => last.next || undefined,
    staleTime: Infinity,
    gcTime: 0, // what happened meanwhile was not heard: begin again
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });

  const again = useCallback(() => {
    gathered.current = new Map();
    kept.current = NONE;
    setHeld(0);
    setChanges(NONE);
    void client.resetQueries({ queryKey: flowsKey(filter) });
  }, [client, filter]);

  const take = useCallback(() => {
    timer.current = undefined;
    taken.current = performance.now();
    const news = gathered.current;
    if (pausing.current) {
      setHeld(news.size);
      return;
    }
    gathered.current = new Map();
    setHeld(0);
    if (news.size === 0) return;
    const told: Promise<Changes> = filter ? wanted(filter, [...news.keys()]).catch(() => NONE) : Promise.resolve(news);
    // One after the other: what was asked later is what holds.
    order.current = order.current.then(async () => {
      const all = new Map([...kept.current, ...(await told)]);
      if (all.size > MOST) {
        again();
        return;
      }
      kept.current = all;
      setChanges(all);
    });
  }, [again, filter]);

  useLive(
    "runs",
    useCallback(
      (event: LiveEvent) => {
        if (event.topic === "reset") {
          again();
          return;
        }
        const row = rowIn(event.data);
        if (!row) return;
        gathered.current.set(row.id, row);
        const rest = taken.current + (filter ? GATHER_FILTERED : GATHER) - performance.now();
        timer.current ??= setTimeout(take, Math.max(0, rest));
      },
      [again, take, filter],
    ),
  );

  useEffect(() => {
    pausing.current = paused;
    timer.current ??= setTimeout(take, 0);
  }, [paused, take]);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    },
    [],
  );

  const pages = useMemo(() => query.data?.pages.flatMap(({ rows }) => rows) ?? [], [query.data]);
  const rows = useMemo(() => merged(pages, changes, !query.hasNextPage), [pages, changes, query.hasNextPage]);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = query;
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);

  return {
    rows,
    loading: query.isPending,
    error: query.error,
    whole: !hasNextPage,
    /** How many flows have changed since the list was paused. */
    held,
    more,
    again,
  };
}
