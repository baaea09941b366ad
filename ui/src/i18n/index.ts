// The languages. English is the one that the others are checked against: a missing key does not compile.
import i18next from "i18next";
import { initReactI18next } from "react-i18next";

import en from "./en";

export const LANGUAGES = { en: "English", vi: "Tiếng Việt", zh: "中文" } as const;
export type Language = keyof typeof LANGUAGES;

type Widened<T> = { [K in keyof T]: T[K] extends string ? string : Widened<T[K]> };
/** What a translation must hold: every text of the English one. */
export type Texts = Widened<typeof en>;

const KEY = "luna.language";
const others: Record<Exclude<Language, "en">, () => Promise<{ default: Texts }>> = {
  vi: () => import("./vi"),
  zh: () => import("./zh"),
};

function known(value: string | null | undefined): Language | undefined {
  const short = value?.slice(0, 2).toLowerCase();
  return short && short in LANGUAGES ? (short as Language) : undefined;
}

async function load(language: Language): Promise<void> {
  if (language === "en" || i18next.hasResourceBundle(language, "translation")) return;
  i18next.addResourceBundle(language, "translation", (await others[language]()).default);
}

export async function startLanguage(): Promise<void> {
  const language = known(localStorage.getItem(KEY)) ?? known(navigator.language) ?? "en";
  await i18next.use(initReactI18next).init({
    lng: "en",
    fallbackLng: "en",
    resources: { en: { translation: en } },
    interpolation: { escapeValue: false },
    returnNull: false,
  });
  await showLanguage(language);
}

let wanted: Language | undefined;

export async function showLanguage(language: Language): Promise<void> {
  wanted = language;
  await load(language);
  if (wanted !== language) return; // another was wanted meanwhile, and may have been there sooner
  await i18next.changeLanguage(language);
  document.documentElement.lang = language;
}

export async function chooseLanguage(language: Language): Promise<void> {
  localStorage.setItem(KEY, language);
  await showLanguage(language);
}

/** Show it, unless somebody has chosen one in this browser. */
export async function proposeLanguage(language: Language): Promise<void> {
  if (!known(localStorage.getItem(KEY))) await showLanguage(language);
}
