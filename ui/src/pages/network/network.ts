// What the page knows of profiles, workers and the ways of accounts. Owns the queries, what makes them old, and the acts.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";

import { api, body } from "../../api/client";
import { useLive } from "../../api/live";
import type { components } from "../../api/schema";
import type { Tone } from "../../parts/Badge";

export type Profile = components["schemas"]["ProfileView"];
export type Worker = components["schemas"]["WorkerView"];
/** The answer to a change; `key` is there when luna made one. */
export type WorkerPut = components["schemas"]["WorkerPut"];
export type Egress = components["schemas"]["EgressView"];
type ProfileBody = components["schemas"]["ProfileBody"];
type WorkerBody = components["schemas"]["WorkerBody"];
/** What is named changes, the rest stays. */
export type ProfileChange = Partial<ProfileBody>;
export type WorkerChange = Partial<WorkerBody>;
export type Mode = Profile["mode"];

export const MODES: readonly Mode[] = [
  "direct",
  "worker-managed",
  "http-proxy",
  "https-proxy",
  "socks5",
  "local-address",
];
/** The profile that is always there. */
export const DIRECT = "direct";

const PROFILES = ["network-profiles"] as const;
const WORKERS = ["workers"] as const;
const EGRESS = ["egress"] as const;

export function useProfiles() {
  return useQuery({ queryKey: PROFILES, queryFn: () => body(api.GET("/api/network-profiles")) });
}

export function useWorkers() {
  return useQuery({ queryKey: WORKERS, queryFn: () => body(api.GET("/api/workers")) });
}

/** How accounts leave now. */
export function useEgress() {
  return useQuery({ queryKey: EGRESS, queryFn: () => body(api.GET("/api/egress")), staleTime: 30_000 });
}

/** Look again when accounts, profiles, workers or settings are not as they were. */
export function useFreshEgress(): void {
  const client = useQueryClient();
  const look = useCallback(() => void client.invalidateQueries({ queryKey: EGRESS }), [client]);
  useLive("accounts", look);
  useLive("config", look);
}

export function useFreshNetwork(): void {
  const client = useQueryClient();
  const look = useCallback(() => {
    void client.invalidateQueries({ queryKey: PROFILES });
    void client.invalidateQueries({ queryKey: WORKERS });
  }, [client]);
  useLive("config", look);
  const count = useCallback(() => void client.invalidateQueries({ queryKey: ["accounts"], exact: true }), [client]);
  useLive("accounts", count);
}

function useAct<Given, Told>(act: (given: Given) => Promise<Told>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: act,
    onSettled: () => Promise.all([PROFILES, WORKERS, EGRESS].map((queryKey) => client.invalidateQueries({ queryKey }))),
  });
}

export function usePutProfile() {
  return useAct(({ id, change }: { id: string; change: ProfileChange }) =>
    body(api.PUT("/api/network-profiles/{id}", { params: { path: { id } }, body: change })),
  );
}

export function usePutWorker() {
  return useAct(({ id, change }: { id: string; change: WorkerChange }) =>
    body(api.PUT("/api/workers/{id}", { params: { path: { id } }, body: change })),
  );
}

export function useRemoveProfile() {
  return useAct(({ id, force }: { id: string; force: boolean }) =>
    body(api.DELETE("/api/network-profiles/{id}", { params: { path: { id }, query: { force } } })),
  );
}

export function useRemoveWorker() {
  return useAct((id: string) => body(api.DELETE("/api/workers/{id}", { params: { path: { id } } })));
}

/** What a check found, of a profile or a worker. */
export interface Found {
  id: string;
  match: boolean;
  ip: string;
  expected: string;
  error: string;
}

export function useVerifyProfile() {
  return useAct(async (id: string): Promise<Found> => {
    const found = await body(api.POST("/api/network-profiles/{id}/verify", { params: { path: { id } } }));
    return { id, match: found.match, ip: found.ip || "", expected: found.expectedIp || "", error: found.error || "" };
  });
}

export function useVerifyWorker() {
  return useAct(async (id: string): Promise<Found> => {
    const found = await body(api.POST("/api/workers/{id}/verify-ip", { params: { path: { id } } }));
    return { id, match: found.match, ip: found.ip || "", expected: found.expectedIp || "", error: found.error || "" };
  });
}

export function useVerifyWorkers() {
  return useAct(() => body(api.POST("/api/workers/verify-all")));
}

const TONES: Record<Profile["status"], Tone> = {
  unverified: "plain",
  healthy: "good",
  offline: "bad",
  "ip-mismatch": "bad",
  disabled: "plain",
};

export function toneOf(status: Profile["status"]): Tone {
  return TONES[status];
}

/** A profile that has an address of its own, which can be asked for. */
export function canBeChecked(profile: Profile): boolean {
  return profile.mode !== "worker-managed" && profile.enabled;
}
