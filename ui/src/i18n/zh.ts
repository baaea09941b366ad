import type { Texts } from ".";
import common from "./zh/common";
import sessions from "./zh/sessions";
import shell from "./zh/shell";
import flows from "./zh/flows";
import keep from "./zh/keep";
import forecast from "./zh/forecast";
import inspect from "./zh/inspect";
import breakpoints from "./zh/breakpoints";
import overview from "./zh/overview";
import settings from "./zh/settings";
import logs from "./zh/logs";
import editor from "./zh/editor";
import pipelines from "./zh/pipelines";
import prompts from "./zh/prompts";
import accounts from "./zh/accounts";
import network from "./zh/network";
import playground from "./zh/playground";
import models from "./zh/models";
import drift from "./zh/drift";

export default {
  common,
  sessions,
  shell,
  flows,
  keep,
  forecast,
  inspect,
  breakpoints,
  overview,
  settings,
  logs,
  editor,
  pipelines,
  prompts,
  accounts,
  network,
  playground,
  models,
  drift,
} satisfies Texts;
