// Every text of the pages, in English. One file for each page lies in ./en/; this one puts them together.
import common from "./en/common";
import sessions from "./en/sessions";
import shell from "./en/shell";
import flows from "./en/flows";
import keep from "./en/keep";
import forecast from "./en/forecast";
import inspect from "./en/inspect";
import breakpoints from "./en/breakpoints";
import overview from "./en/overview";
import settings from "./en/settings";
import logs from "./en/logs";
import editor from "./en/editor";
import pipelines from "./en/pipelines";
import prompts from "./en/prompts";
import accounts from "./en/accounts";
import network from "./en/network";
import playground from "./en/playground";
import models from "./en/models";
import drift from "./en/drift";

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
} as const;
