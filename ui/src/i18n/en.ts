// Every text of the pages, in English. One file for each page lies in ./en/; this one puts them together.
import common from "./en/common";
import shell from "./en/shell";
import settings from "./en/settings";
import logs from "./en/logs";

export default { common, shell, settings, logs } as const;
