// The names of the settings, and in other languages than English what they mean: fetched when the settings are opened.
import type { Language } from ".";
import type english from "./en/settingMeanings";

export type Meanings = Record<keyof typeof english, readonly [name: string, about: string]>;
/** Of any path, also of one that a newer luna has: then there is none. */
export type Known = Record<string, readonly [name: string, about?: string] | undefined>;

const languages: Record<Language, () => Promise<{ default: Known }>> = {
  en: () => import("./en/settingMeanings"),
  vi: () => import("./vi/settingMeanings"),
  zh: () => import("./zh/settingMeanings"),
};

export async function meanings(language: string): Promise<Known> {
  const load = language in languages ? languages[language as Language] : languages.en;
  return (await load()).default;
}
