// The pages: where they are, how they are called in the navigation, and where their code is. Each is loaded when opened.
import type { ComponentType } from "react";

export interface Page {
  path: string;
  /** The key of its name in the texts; none for pages that are not in the navigation. */
  name?:
    | "overview"
    | "flows"
    | "breakpoints"
    | "pipelines"
    | "accounts"
    | "sessions"
    | "models"
    | "network"
    | "prompts"
    | "settings"
    | "logs"
    | "playground";
  load: () => Promise<{ default: ComponentType }>;
}

export const pages: readonly Page[] = [
  { path: "", name: "overview", load: () => import("../pages/overview/Overview") },
  { path: "flows", name: "flows", load: () => import("../pages/flows/Flows") },
  { path: "flows/:id", load: () => import("../pages/flows/Flows") },
  { path: "breakpoints", name: "breakpoints", load: () => import("../pages/breakpoints/Breakpoints") },
  { path: "breakpoints/:id", load: () => import("../pages/breakpoints/Breakpoints") },
  { path: "pipelines", name: "pipelines", load: () => import("../pages/pipelines/Pipelines") },
  { path: "pipelines/:name", load: () => import("../pages/pipelines/Pipelines") },
  { path: "accounts", name: "accounts", load: () => import("../pages/accounts/Accounts") },
  { path: "sessions", name: "sessions", load: () => import("../pages/sessions/Sessions") },
  { path: "sessions/:id", load: () => import("../pages/sessions/Sessions") },
  { path: "models", name: "models", load: () => import("../pages/models/Models") },
  { path: "network", name: "network", load: () => import("../pages/network/Network") },
  { path: "prompts", name: "prompts", load: () => import("../pages/prompts/Prompts") },
  { path: "settings", name: "settings", load: () => import("../pages/settings/Settings") },
  { path: "logs", name: "logs", load: () => import("../pages/logs/Logs") },
  { path: "playground", name: "playground", load: () => import("../pages/playground/Playground") },
  { path: "drift", load: () => import("../pages/drift/Drift") },
  { path: "*", load: () => import("../pages/Missing") },
];
