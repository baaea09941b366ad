import type { Texts } from ".";
import common from "./zh/common";
import shell from "./zh/shell";
import settings from "./zh/settings";
import logs from "./zh/logs";

export default { common, shell, settings, logs } satisfies Texts;
