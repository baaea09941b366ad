// The login by browser that is going on, or that ended last: one at a time in all of luna. Owns its query, kept fresh
// by what luna tells, and what a person can do to it.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";

import { api, body } from "../../api/client";
import { useLive, type LiveEvent } from "../../api/live";
import type { components } from "../../api/schema";

export type Job = components["schemas"]["Job"];

const CAPTURES = ["captures"] as const;
const OVER: readonly Job["state"][] = ["done", "failed", "cancelled", "timed-out"];

export function isOver(job: Job): boolean {
  return OVER.includes(job.state);
}

/** The steps that a person sees, and which of them a job is at. */
export const STEPS = ["opening", "waiting", "validating", "done"] as const;
export type Step = (typeof STEPS)[number];

export function stepOf(job: Job): Step {
  switch (job.state) {
    case "starting":
    case "opening":
      return "opening";
    case "reading":
    case "validating":
      return "validating";
    case "done":
      return "done";
    default:
      return "waiting";
  }
}

/** Put a job among those that are known: in the place of what was known of it. */
function usePut(): (job: Job) => void {
  const client = useQueryClient();
  return useCallback(
    (job: Job) => {
      void client.cancelQueries({ queryKey: CAPTURES }); // an answer that is on its way is older
      client.setQueryData<Job[]>(CAPTURES, (known = []) => [job, ...known.filter((one) => one.id !== job.id)]);
    },
    [client],
  );
}

export function useCaptures() {
  const client = useQueryClient();
  const put = usePut();
  const jobs = useQuery({ queryKey: CAPTURES, queryFn: () => body(api.GET("/api/provider/oauth/capture")) });
  const heard = useCallback(
    (event: LiveEvent) => {
      if (event.topic === "capture") put(event.data as Job);
      else void client.invalidateQueries({ queryKey: CAPTURES });
    },
    [client, put],
  );
  useLive("capture", heard);
  return { jobs };
}

export function useBegin() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (asked: { accountId: string; timeout: number }) =>
      body(api.POST("/api/provider/oauth/capture", { body: { providerId: "qwen-ai", headless: false, ...asked } })),
    // What has been heard of it since is newer.
    onSuccess: (job) =>
      client.setQueryData<Job[]>(CAPTURES, (known = []) =>
        known.some((one) => one.id === job.id) ? known : [job, ...known],
      ),
  });
}

export function useCancel() {
  const put = usePut();
  return useMutation({
    mutationFn: (id: string) => body(api.DELETE("/api/provider/oauth/capture/{id}", { params: { path: { id } } })),
    onSuccess: put,
  });
}
