// The way in: the admin key becomes a cookie that this page itself cannot read.
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { ApiError, errorOf } from "../api/client";
import { Button } from "../parts/Button";
import { Field } from "../parts/Field";

async function post(path: string, document: unknown): Promise<void> {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(document),
  });
  if (!response.ok) throw await errorOf(response);
}

export async function signOut(): Promise<void> {
  await post("/api/logout", {});
  location.assign("/");
}

export function Login({ onEntered }: { onEntered: () => void }) {
  const { t } = useTranslation();
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);

  async function enter(form: FormData): Promise<void> {
    setBusy(true);
    try {
      await post("/api/login", { key: form.get("key") });
      onEntered();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const wait = error.retryAfter;
      setProblem(wait === null ? t("shell.login.wrong") : t("shell.login.often", { seconds: wait }));
    } finally {
      setBusy(false);
    }
  }

  return (
    <main className="login">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void enter(new FormData(event.currentTarget));
        }}
      >
        <h1>{t("shell.login.title")}</h1>
        <p className="soft">{t("shell.login.about")}</p>
        <Field label={t("shell.login.key")} problem={problem}>
          {(field) => <input {...field} name="key" type="password" autoComplete="current-password" required />}
        </Field>
        <Button primary type="submit" disabled={busy}>
          {t("shell.login.enter")}
        </Button>
      </form>
    </main>
  );
}
