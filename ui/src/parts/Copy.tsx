import { useState } from "react";
import { useTranslation } from "react-i18next";

import { Button } from "./Button";

/** Copies a text, and says so. One that has to be fetched first is given as a function. */
export function Copy({ text, label }: { text: string | (() => Promise<string>); label?: string }) {
  const { t } = useTranslation();
  const [copied, setCopied] = useState(false);
  return (
    <Button
      quiet
      onClick={() => {
        void (async () => {
          await navigator.clipboard.writeText(typeof text === "string" ? text : await text());
          setCopied(true);
          setTimeout(() => setCopied(false), 1500);
        })();
      }}
    >
      {copied ? t("common.copied") : (label ?? t("common.copy"))}
    </Button>
  );
}

/** A block of text with a button that copies it. */
export function Block({ text, label }: { text: string; label: string }) {
  return (
    <figure className="block">
      <figcaption>
        <span>{label}</span>
        <Copy text={text} />
      </figcaption>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, so the keyboard must reach it */}
      <pre tabIndex={0} aria-label={label}>
        {text}
      </pre>
    </figure>
  );
}
