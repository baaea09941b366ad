import type { Texts } from ".";
import common from "./vi/common";
import shell from "./vi/shell";
import settings from "./vi/settings";
import logs from "./vi/logs";

export default { common, shell, settings, logs } satisfies Texts;
