// Logins from the clipboard: what was understood of them is shown before anything is sent, what came of each after.
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { Badge, type Tone } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Field } from "../../parts/Field";
import type { Account } from "./accounts";
import { countCookies, readPasted, type Pasted } from "./paste";
import { useTrying, type Result } from "./trying";

const MOST = 1_000_000;
/** Rows that are shown of a long list. */
const SHOWN = 200;

export function PasteLogin({ account }: { account: Account | undefined }) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const found = useMemo(() => readPasted(text), [text]);
  const { results, busy, run, forget } = useTrying(account?.id);
  const usable = found.filter(({ kind }) => kind !== "unknown");
  const good = results.filter(({ state }) => state === "added" || state === "renewed").length;

  function change(value: string): void {
    forget();
    setText(value);
  }

  return (
    <form
      className="dialog-form"
      onSubmit={(event) => {
        event.preventDefault();
        run(found);
      }}
    >
      <p>{t("accounts.paste.about")}</p>
      <details>
        <summary>{t("common.details")}</summary>
        <p className="soft">{t("accounts.paste.where")}</p>
      </details>
      <Field
        label={t("accounts.paste.text")}
        problem={text.trim() && !usable.length ? t("accounts.paste.nothing") : ""}
      >
        {(field) => (
          <textarea
            {...field}
            value={text}
            rows={6}
            maxLength={MOST}
            spellCheck={false}
            autoComplete="off"
            onChange={(event) => change(event.target.value)}
          />
        )}
      </Field>
      <Field label={t("accounts.paste.file")}>
        {(field) => (
          <input
            {...field}
            type="file"
            accept=".json,.txt,.jsonl,.har,text/plain,application/json"
            onChange={(event) => {
              const file = event.target.files?.[0];
              if (file && file.size <= MOST) void file.text().then(change);
            }}
          />
        )}
      </Field>
      {account && usable.length > 1 ? <p className="soft">{t("accounts.paste.onlyOne")}</p> : null}
      {found.length > 0 ? <Found found={found} results={results} /> : null}
      <p role="status" className="soft">
        {results.length > 0 && !busy ? t("accounts.paste.summary", { good, count: usable.length }) : ""}
      </p>
      <div className="row-end">
        <Button primary type="submit" disabled={busy || usable.length === 0}>
          {account
            ? t("accounts.paste.one")
            : usable.length > 0
              ? t("accounts.paste.some", { count: usable.length })
              : t("accounts.paste.any")}
        </Button>
      </div>
    </form>
  );
}

function Found({ found, results }: { found: readonly Pasted[]; results: readonly Result[] }) {
  const { t } = useTranslation();
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, so the keyboard must reach it
    <div className="scroll-x paste-found" role="region" aria-label={t("accounts.paste.found")} tabIndex={0}>
      <table className="plain-table">
        <thead>
          <tr>
            <th scope="col">{t("accounts.paste.line")}</th>
            <th scope="col">{t("accounts.paste.what")}</th>
            <th scope="col">{t("accounts.paste.holds")}</th>
            <th scope="col">{t("accounts.paste.result")}</th>
          </tr>
        </thead>
        <tbody>
          {found.slice(0, SHOWN).map((login, index) => (
            <tr key={`${login.line}-${index}`}>
              <td>{login.line}</td>
              <td>{t(`accounts.paste.kinds.${login.kind}`)}</td>
              <td>
                <Holds login={login} />
              </td>
              <td>
                <Outcome result={results[index]} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Holds({ login }: { login: Pasted }) {
  const { t } = useTranslation();
  const { token, cookies, userAgent } = login.credentials;
  const page = Object.keys(login.credentials).some((name) => name.startsWith("bx-"));
  const held = [
    token ? t("accounts.paste.token") : "",
    cookies ? t("accounts.paste.cookies", { count: countCookies(cookies) }) : "",
    page || userAgent ? t("accounts.paste.page") : "",
  ];
  return <>{[login.label, ...held].filter(Boolean).join(", ") || "–"}</>;
}

function Outcome({ result }: { result: Result | undefined }) {
  const { t } = useTranslation();
  if (!result) return <>–</>;
  switch (result.state) {
    case "added":
    case "renewed":
      return <Badge tone="good">{t(`accounts.paste.results.${result.state}`, { account: result.account })}</Badge>;
    case "refused":
      return (
        <span className="account-said" data-tone="bad">
          {t("accounts.paste.results.refused", { error: result.error })}
        </span>
      );
    case "waiting":
    case "trying":
    case "skipped": {
      const tone: Tone = result.state === "trying" ? "info" : "plain";
      return <Badge tone={tone}>{t(`accounts.paste.results.${result.state}`)}</Badge>;
    }
  }
}
