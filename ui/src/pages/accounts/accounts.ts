// What the page knows of accounts, kept as fresh as luna tells. Owns the queries, what makes them old, and the words
// for states that are more than one field.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";

import { api, body } from "../../api/client";
import { useLive } from "../../api/live";
import type { components } from "../../api/schema";
import type { Tone } from "../../parts/Badge";
import { useThrottled } from "../../parts/throttled";

export type Account = components["schemas"]["AccountEntry"];
export type Usage = components["schemas"]["AccountUsage"];
export type Way = components["schemas"]["WayView"];
export type Checked = components["schemas"]["Checked"];

export const STATES = ["ready", "cooling", "circuit-open", "blocked", "login-needed", "disabled"] as const;
export type State = (typeof STATES)[number];
export const HOURS = 24;

const ACCOUNTS = ["accounts"] as const;
const USAGE = ["accounts", "usage"] as const;
const EGRESS = ["egress"] as const;
const DAY = 86_400_000;
/** A login that ends this soon is worth a word. */
const SOON = 3 * DAY;

/** Milliseconds between two looks, however much happens. */
const ACCOUNTS_EVERY = 1_000;
const USAGE_EVERY = 5_000;

export function useAccounts() {
  return useQuery({ queryKey: ACCOUNTS, queryFn: () => body(api.GET("/api/accounts")), select: (all) => all.accounts });
}

export function useUsage() {
  return useQuery({
    queryKey: USAGE,
    queryFn: () => body(api.GET("/api/accounts/usage", { params: { query: { hours: HOURS } } })),
    select: (report) => new Map(report.accounts.map((one) => [one.accountId, one])),
  });
}

export function useWays() {
  return useQuery({
    queryKey: EGRESS,
    queryFn: () => body(api.GET("/api/egress")),
    select: (egress) => new Map(egress.ways.map((way) => [way.accountId, way])),
  });
}

/** Look again when luna says that something is not as it was. */
export function useFreshAccounts(): () => void {
  const client = useQueryClient();
  const accounts = useThrottled(
    useCallback(() => {
      void client.invalidateQueries({ queryKey: ACCOUNTS, exact: true });
      void client.invalidateQueries({ queryKey: EGRESS });
    }, [client]),
    ACCOUNTS_EVERY,
  );
  const usage = useThrottled(
    useCallback(() => void client.invalidateQueries({ queryKey: USAGE }), [client]),
    USAGE_EVERY,
  );
  useLive("accounts", accounts);
  useLive(
    "runs",
    useCallback(() => {
      accounts();
      usage();
    }, [accounts, usage]),
  );
  return accounts;
}

/** An act on one account, after which all of them are looked at again. */
export function useAct<Given, Told>(act: (given: Given) => Promise<Told>) {
  const client = useQueryClient();
  return useMutation({ mutationFn: act, onSettled: () => client.invalidateQueries({ queryKey: ACCOUNTS }) });
}

export const acts = {
  enable: (id: string) => body(api.POST("/api/accounts/{id}/enable", { params: { path: { id } } })),
  disable: (id: string) => body(api.POST("/api/accounts/{id}/disable", { params: { path: { id } } })),
  remove: (id: string) => body(api.DELETE("/api/accounts/{id}", { params: { path: { id } } })),
  validate: (id: string) => body(api.POST("/api/accounts/{id}/validate", { params: { path: { id } } })),
  reset: (id: string) =>
    body(
      api.POST("/api/providers/{provider}/accounts/{id}/reset-circuit", {
        params: { path: { provider: "qwen-ai", id } },
      }),
    ),
};

// What an account's fields mean together

export function stateOf(account: Account): State {
  return STATES.find((state) => state === account.state) ?? "blocked";
}

export function toneOf(account: Account): Tone {
  switch (stateOf(account)) {
    case "ready":
      return account.reason ? "warn" : "good";
    case "cooling":
    case "circuit-open":
      return "warn";
    case "blocked":
    case "login-needed":
      return "bad";
    case "disabled":
      return "plain";
  }
}

/** Ready, but nothing may leave for it. */
export function isHeld(account: Account): boolean {
  return account.state === "ready" && account.reason !== "";
}

/** Something that a person can forget for it is in the way. */
export function canTryAgain(account: Account): boolean {
  return (
    ["cooling", "circuit-open", "blocked"].includes(account.state) ||
    account.circuit.failures > 0 ||
    Object.keys(account.cooldowns).length > 0
  );
}

export function endsSoon(account: Account, now: number): boolean {
  return account.expiresAt !== null && account.expiresAt - now < SOON;
}
