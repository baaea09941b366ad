// What can be done with an account.
import { useTranslation } from "react-i18next";

import { Button } from "../../parts/Button";
import { Confirm } from "../../parts/Dialog";
import { useToast } from "../../parts/Toast";
import { acts, useAct, type Account } from "./accounts";

interface Props {
  account: Account;
  /** Of the last hours. */
  runs: number;
  busy: boolean;
  /** There is something that can be forgotten for it. */
  again: boolean;
  onValidate: () => void;
  onEdit: () => void;
  onLogin: (way: "browser" | "paste") => void;
}

export function AccountActs({ account, runs, busy, again, onValidate, onEdit, onLogin }: Props) {
  const { t } = useTranslation();
  const say = useToast();
  const able = useAct(account.enabled ? acts.disable : acts.enable);
  const reset = useAct(acts.reset);
  const remove = useAct(acts.remove);
  const own = account.source === "file";
  const needed = account.state === "login-needed" || account.state === "blocked";
  const name = { account: account.label };

  async function run(act: Promise<unknown>, done: string): Promise<void> {
    try {
      await act;
      say.done(done);
    } catch (error) {
      say.failed(error);
    }
  }

  return (
    <div className="row account-acts" role="group" aria-label={t("accounts.acts.more", name)}>
      {own ? (
        <Button primary={needed} onClick={() => onLogin("browser")}>
          {t("accounts.acts.login")}
        </Button>
      ) : null}
      {own && needed ? <Button onClick={() => onLogin("paste")}>{t("accounts.acts.paste")}</Button> : null}
      {again ? (
        <Button
          disabled={reset.isPending}
          onClick={() => void run(reset.mutateAsync(account.id), t("accounts.done.again", name))}
        >
          {t("accounts.acts.again")}
        </Button>
      ) : null}
      <Button disabled={busy} onClick={onValidate}>
        {t("accounts.acts.validate")}
      </Button>
      <Button onClick={onEdit}>{t("accounts.acts.edit")}</Button>
      <Button
        disabled={able.isPending}
        onClick={() =>
          void run(
            able.mutateAsync(account.id),
            account.enabled ? t("accounts.done.disabled", name) : t("accounts.done.enabled", name),
          )
        }
      >
        {account.enabled ? t("accounts.acts.disable") : t("accounts.acts.enable")}
      </Button>
      {own ? (
        <Confirm
          label={t("accounts.acts.remove")}
          title={t("accounts.removal.title", name)}
          about={[
            t("accounts.removal.about"),
            account.running > 0 ? t("accounts.removal.running", { count: account.running }) : "",
            runs > 0 ? t("accounts.removal.runs", { count: runs }) : "",
            t("accounts.removal.chats"),
          ]
            .filter(Boolean)
            .join(" ")}
          confirm={t("accounts.removal.confirm")}
          onConfirm={() => run(remove.mutateAsync(account.id), t("accounts.done.removed", name))}
        />
      ) : null}
    </div>
  );
}
