import type { Texts } from ".";
import common from "./vi/common";
import sessions from "./vi/sessions";
import shell from "./vi/shell";
import flows from "./vi/flows";
import keep from "./vi/keep";
import forecast from "./vi/forecast";
import inspect from "./vi/inspect";
import breakpoints from "./vi/breakpoints";
import overview from "./vi/overview";
import settings from "./vi/settings";
import logs from "./vi/logs";
import editor from "./vi/editor";
import pipelines from "./vi/pipelines";
import prompts from "./vi/prompts";
import accounts from "./vi/accounts";
import network from "./vi/network";
import playground from "./vi/playground";
import models from "./vi/models";
import drift from "./vi/drift";

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
