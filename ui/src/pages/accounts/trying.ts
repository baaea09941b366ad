// Trying pasted logins, one after the other: asked of Qwen first, kept only when it knows them. Owns what came of each.
import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";

import { api, ApiError, body } from "../../api/client";
import type { Pasted } from "./paste";

export type Result =
  | { state: "waiting" | "trying" | "skipped" }
  | { state: "added" | "renewed"; account: string }
  | { state: "refused"; error: string };

/** Whose login it is, as far as Qwen said. */
type Info = Record<string, unknown> | null | undefined;

export function useTrying(accountId: string | undefined) {
  const client = useQueryClient();
  const [results, setResults] = useState<readonly Result[]>([]);
  const [busy, setBusy] = useState(false);
  const running = useRef(0);

  function forget(): void {
    running.current += 1;
    setResults([]);
    setBusy(false);
  }

  async function run(logins: readonly Pasted[]): Promise<void> {
    const mine = ++running.current;
    const all: Result[] = logins.map(({ kind }) => ({ state: kind === "unknown" ? "skipped" : "waiting" }));
    const put = (index: number, result: Result) => {
      all[index] = result;
      if (mine === running.current) setResults([...all]);
    };
    setResults([...all]);
    setBusy(true);
    for (const [index, login] of logins.entries()) {
      if (mine !== running.current) return;
      if (login.kind === "unknown") continue;
      put(index, { state: "trying" });
      const result = await tried(login, accountId);
      put(index, result);
      // One account takes one login: the first that is good.
      if (accountId && result.state === "renewed") break;
    }
    if (mine === running.current) setBusy(false);
    void client.invalidateQueries({ queryKey: ["accounts"] });
  }

  return { results, busy, run: (logins: readonly Pasted[]) => void run(logins), forget };
}

async function tried(login: Pasted, accountId: string | undefined): Promise<Result> {
  const { credentials } = login;
  try {
    const verdict = await body(api.POST("/api/provider/validate", { body: { providerId: "qwen-ai", credentials } }));
    if (!verdict.valid) return { state: "refused", error: verdict.error ?? "" };
    if (accountId) return await renewed(accountId, credentials);
    return await added(credentials, login.label || labelOf(verdict.accountInfo));
  } catch (error) {
    return { state: "refused", error: said(error) };
  }
}

async function added(credentials: Record<string, string>, label: string): Promise<Result> {
  try {
    const fresh = { id: "", enabled: true, maxConcurrentRuns: null, networkProfileId: "" };
    const account = await body(
      api.POST("/api/accounts", { body: { ...fresh, credentials, label: label.slice(0, 120) } }),
    );
    return { state: "added", account: account.label };
  } catch (error) {
    const known = error instanceof ApiError && error.status === 409 ? /'([^']+)'/.exec(error.message)?.[1] : undefined;
    if (!known) throw error;
    return renewed(known, credentials);
  }
}

async function renewed(id: string, credentials: Record<string, string>): Promise<Result> {
  const account = await body(api.PATCH("/api/accounts/{id}", { params: { path: { id } }, body: { credentials } }));
  return { state: "renewed", account: account.label };
}

function labelOf(info: Info): string {
  const named = [info?.["name"], info?.["email"]].find((one) => typeof one === "string" && one !== "");
  return typeof named === "string" ? named : "";
}

function said(error: unknown): string {
  if (error instanceof ApiError) return error.hint ? `${error.message} ${error.hint}` : error.message;
  return error instanceof Error ? error.message : String(error);
}
