// A filter in words, in the language of the page.
import type { TFunction } from "i18next";
import { useTranslation } from "react-i18next";

import type { components } from "../../api/schema";
import { duration } from "../../parts/Time";

type Saying = components["schemas"]["Saying"];

function moment(at: number | null, language: string): string {
  return at === null ? "" : new Date(at).toLocaleString(language, { dateStyle: "short", timeStyle: "short" });
}

function said(saying: Saying, t: TFunction, language: string): string {
  const field = saying.field === null ? "" : t(`flows.field.${saying.field}`);
  const values = saying.values.join(t("flows.say.values"));
  switch (saying.relation) {
    case "is":
    case "like":
    case "contains":
      return t(`flows.say.${saying.relation}`, { field, values });
    case "any":
      return saying.field === "recorded" ? t("flows.say.recorded") : t("flows.say.anyError");
    case "since":
    case "before":
    case "between":
      return t(`flows.say.${saying.relation}`, {
        since: moment(saying.since, language),
        until: moment(saying.until, language),
      });
    case null:
      return "";
    default: {
      const number = saying.number ?? 0;
      const value = saying.field === "tokens" ? number.toLocaleString(language) : duration(number);
      return t("flows.say.compares", { field, sign: saying.relation, value });
    }
  }
}

export function Explained({ sayings }: { sayings: readonly Saying[] }) {
  const { t, i18n } = useTranslation();
  if (sayings.length === 0) return <>{t("flows.filter.everything")}</>;
  return (
    <>
      {sayings.map((saying, at) => {
        const key = `${at} ${saying.word}`;
        switch (saying.word) {
          case "term":
            return (
              <span key={key} className="filter-term">
                {said(saying, t, i18n.language)}
              </span>
            );
          case "open":
            return <span key={key}>(</span>;
          case "close":
            return <span key={key}>)</span>;
          default:
            return <em key={key}>{t(`flows.say.${saying.word}`)}</em>;
        }
      })}
    </>
  );
}
