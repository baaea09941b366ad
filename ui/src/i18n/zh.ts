import type { Texts } from ".";
import common from "./zh/common";
import shell from "./zh/shell";

export default { common, shell } satisfies Texts;
