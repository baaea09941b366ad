// What can be chosen for a request: models and the names that lead to them, ways through luna, accounts, and whether a
// key is needed.
import { useQuery } from "@tanstack/react-query";

import { api, body } from "../../api/client";

export interface Choices {
  /** Ids first, then names that stand for one. */
  models: readonly string[];
  routes: readonly string[];
  pipelines: readonly string[];
  accounts: readonly { id: string; name: string }[];
  keyRequired: boolean;
}

export function useChoices(): Choices {
  const models = useQuery({ queryKey: ["models"], queryFn: () => body(api.GET("/api/models")) });
  const pipeline = useQuery({ queryKey: ["pipeline"], queryFn: () => body(api.GET("/api/pipeline")) });
  const accounts = useQuery({ queryKey: ["accounts"], queryFn: () => body(api.GET("/api/accounts")) });
  const keys = useQuery({ queryKey: ["keys"], queryFn: () => body(api.GET("/api/keys")) });
  const named = models.data?.aliases.flatMap((alias) => alias.names.filter((name) => !/[*?[]/.test(name))) ?? [];
  return {
    models: [...(models.data?.items.map((item) => item.id) ?? []), ...named],
    routes: pipeline.data?.routes.map((route) => route.name) ?? [],
    pipelines: pipeline.data?.pipelines.map((one) => one.name) ?? [],
    accounts: accounts.data?.accounts.map((one) => ({ id: one.id, name: one.label || one.id })) ?? [],
    keyRequired: keys.data?.required ?? false,
  };
}
