// Checking ways and saying what was found. Owns the words for a result.
import { useTranslation } from "react-i18next";

import { useToast } from "../../parts/Toast";
import type { Found } from "./network";

export function useSayFound() {
  const { t } = useTranslation();
  const say = useToast();

  function one({ id, match, ip, expected, error }: Found): void {
    if (match) say.done(t("network.checks.good", { id, ip }));
    else if (error || !ip) say.failed(new Error(t("network.checks.failed", { id, error })));
    else say.failed(new Error(t("network.checks.other", { id, ip, expected })));
  }

  function several(found: readonly Pick<Found, "match">[]): void {
    const good = found.filter(({ match }) => match).length;
    const said = t("network.checks.all", { good, count: found.length });
    if (good === found.length) say.done(said);
    else say.failed(new Error(said));
  }

  return { one, several, failed: say.failed };
}
