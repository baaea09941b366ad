// The language of the settings, for browsers in which nobody has chosen one.
import { useEffect } from "react";

import { LANGUAGES, proposeLanguage, type Language } from "../i18n";
import { useConfig } from "../pages/settings/config";

export function useLanguageOfSettings(): void {
  const config = useConfig().data;
  const set = config && config.sources["ui.language"] !== "default" ? config.settings.ui.language : "";
  useEffect(() => {
    if (set in LANGUAGES) void proposeLanguage(set as Language);
  }, [set]);
}
