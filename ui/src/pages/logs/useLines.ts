// The lines of one filter, live: the latest page from luna, what comes since, and older pages when asked for.
import { useCallback, useEffect, useReducer, useRef } from "react";

import { api } from "../../api/client";
import { useLive, type LiveEvent } from "../../api/live";
import { NONE, resumed, withNew, withOlder, type Filter, type Line, type Lines } from "./lines";

const PAGE = 200;

interface State extends Lines {
  paused: boolean;
  loading: boolean;
  error: unknown;
}

type Act =
  | { kind: "asked" }
  | { kind: "page"; page: readonly Line[]; older: string }
  | { kind: "failed"; error: unknown }
  | { kind: "batch"; batch: readonly Line[]; filter: Filter }
  | { kind: "pause" }
  | { kind: "resume" }
  | { kind: "forget" };

function next(state: State, act: Act): State {
  switch (act.kind) {
    case "asked":
      return { ...state, loading: true, error: null };
    case "page":
      return { ...state, ...withOlder(state, act.page, act.older), loading: false, error: null };
    case "failed":
      return { ...state, loading: false, error: act.error };
    case "batch":
      return { ...state, ...withNew(state, act.batch, act.filter, state.paused) };
    case "pause":
      return { ...state, paused: true };
    case "resume":
      return { ...state, ...resumed(state), paused: false };
    case "forget":
      return { ...state, ...NONE };
  }
}

/** `filter` must stay the same for as long as the component is there: give the component a key made of it. */
export function useLines(filter: Filter) {
  const asked = useRef(filter);
  const [state, act] = useReducer(next, { ...NONE, paused: false, loading: true, error: null });

  const fetchPage = useCallback(async (before: string, signal?: AbortSignal): Promise<void> => {
    const { levels, text, flow } = asked.current;
    try {
      const { data, response } = await api.GET("/api/logs", {
        params: {
          query: {
            level: levels.join(","),
            q: text.trim(),
            flow,
            limit: PAGE,
            ...(before ? { before: Number(before) } : {}),
          },
        },
        ...(signal ? { signal } : {}),
      });
      const older = response.headers.get("x-next-cursor") ?? "";
      act({ kind: "page", page: data ?? [], older });
    } catch (error) {
      if (!signal?.aborted) act({ kind: "failed", error });
    }
  }, []);

  useEffect(() => {
    if (asked.current.levels.length === 0) return;
    const gone = new AbortController();
    void fetchPage("", gone.signal);
    return () => gone.abort();
  }, [fetchPage]);

  const happened = useCallback(
    (event: LiveEvent) => {
      if (event.topic === "logs") act({ kind: "batch", batch: event.data as Line[], filter: asked.current });
      else {
        // What was missed is not remembered: look again.
        act({ kind: "forget" });
        act({ kind: "asked" });
        void fetchPage("");
      }
    },
    [fetchPage],
  );
  useLive("logs", happened);

  const { older, loading } = state;
  return {
    ...state,
    pause: () => act({ kind: "pause" }),
    resume: () => act({ kind: "resume" }),
    forget: () => act({ kind: "forget" }),
    retry: () => {
      act({ kind: "asked" });
      void fetchPage(older);
    },
    more: () => {
      if (!older || loading) return;
      act({ kind: "asked" });
      void fetchPage(older);
    },
  };
}
