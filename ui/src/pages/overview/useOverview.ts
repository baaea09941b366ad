// The figures, kept fresh: looked at again when runs change, but not at each of them, and from time to time anyway.
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef } from "react";

import { api, body } from "../../api/client";
import { useLive } from "../../api/live";

/** Milliseconds between two looks, however much happens. */
const SOON = 2_000;
const ANYWAY = 30_000;

export function useOverview(minutes: number) {
  const client = useQueryClient();
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useLive(
    "runs",
    useCallback(() => {
      timer.current ??= setTimeout(() => {
        timer.current = undefined;
        // A hidden page asks for nothing; it will when it is looked at again.
        const refetchType = document.hidden ? "none" : "active";
        void client.invalidateQueries({ queryKey: ["overview"], refetchType });
      }, SOON);
    }, [client]),
  );
  useEffect(() => () => clearTimeout(timer.current), []);
  return useQuery({
    queryKey: ["overview", minutes],
    queryFn: () => body(api.GET("/api/overview", { params: { query: { minutes } } })),
    refetchInterval: ANYWAY,
    placeholderData: keepPreviousData,
  });
}
