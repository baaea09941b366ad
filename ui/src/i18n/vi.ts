import type { Texts } from ".";
import common from "./vi/common";
import shell from "./vi/shell";

export default { common, shell } satisfies Texts;
