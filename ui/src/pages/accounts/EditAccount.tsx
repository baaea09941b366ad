// What a person may say of an account: its name, its limit, its way out.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, ApiError, body } from "../../api/client";
import { Button } from "../../parts/Button";
import { Dialog } from "../../parts/Dialog";
import { Field } from "../../parts/Field";
import { useToast } from "../../parts/Toast";
import { useAct, type Account } from "./accounts";

const LIMITS = ["settings", "own", "none"] as const;
type Limit = (typeof LIMITS)[number];

interface Change {
  label: string;
  maxConcurrentRuns: number | null;
  networkProfileId: string;
}

function limitOf(account: Account): Limit {
  if (account.maxConcurrentRuns === null) return "settings";
  return account.maxConcurrentRuns === 0 ? "none" : "own";
}

export function EditAccount({ account, onClose }: { account: Account; onClose: () => void }) {
  const { t } = useTranslation();
  const say = useToast();
  const [label, setLabel] = useState(account.label);
  const [limit, setLimit] = useState<Limit>(limitOf(account));
  const [own, setOwn] = useState(String(account.maxConcurrentRuns || account.limit || 1));
  const [profile, setProfile] = useState(account.networkProfileId);
  const [problem, setProblem] = useState<ApiError | null>(null);
  const profiles = useQuery({ queryKey: ["network-profiles"], queryFn: () => body(api.GET("/api/network-profiles")) });
  const save = useAct((change: Change) =>
    body(api.PATCH("/api/accounts/{id}", { params: { path: { id: account.id } }, body: change })),
  );

  const wrong = limit === "own" && !/^[1-9]\d{0,3}$|^10000$/.test(own.trim());
  const about = (field: string) => (problem?.param === field ? problem.message : "");

  async function submit(): Promise<void> {
    setProblem(null);
    const maxConcurrentRuns = limit === "settings" ? null : limit === "none" ? 0 : Number(own);
    try {
      await save.mutateAsync({ label, maxConcurrentRuns, networkProfileId: profile });
      say.done(t("accounts.done.saved", { account: label || account.id }));
      onClose();
    } catch (error) {
      if (error instanceof ApiError && error.param) setProblem(error);
      else say.failed(error);
    }
  }

  const known = profiles.data ?? [];
  return (
    <Dialog title={t("accounts.edit.title", { account: account.label })} open onClose={onClose}>
      <form
        className="dialog-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (!wrong) void submit();
        }}
      >
        <Field
          label={t("accounts.edit.label")}
          about={t("accounts.edit.labelAbout", { id: account.id })}
          problem={about("label")}
        >
          {(field) => (
            <input {...field} value={label} maxLength={120} onChange={(event) => setLabel(event.target.value)} />
          )}
        </Field>
        <Field label={t("accounts.edit.limit")} about={t("accounts.edit.limitAbout")}>
          {(field) => (
            <select {...field} value={limit} onChange={(event) => setLimit(event.target.value as Limit)}>
              {LIMITS.map((one) => (
                <option key={one} value={one}>
                  {t(`accounts.edit.limits.${one}`)}
                </option>
              ))}
            </select>
          )}
        </Field>
        {limit === "own" ? (
          <Field
            label={t("accounts.edit.limitOwn")}
            problem={wrong ? t("accounts.edit.limitWrong") : about("maxConcurrentRuns")}
          >
            {(field) => (
              <input {...field} inputMode="numeric" value={own} onChange={(event) => setOwn(event.target.value)} />
            )}
          </Field>
        ) : null}
        <Field
          label={t("accounts.edit.profile")}
          about={t("accounts.edit.profileAbout")}
          problem={about("networkProfileId")}
        >
          {(field) => (
            <select {...field} value={profile} onChange={(event) => setProfile(event.target.value)}>
              <option value="">{t("accounts.edit.profileDirect")}</option>
              {profile && profiles.data && !known.some((one) => one.id === profile) ? (
                <option value={profile}>{t("accounts.edit.profileGone", { id: profile })}</option>
              ) : null}
              {known.map((one) => (
                <option key={one.id} value={one.id}>
                  {one.enabled ? one.name : t("accounts.edit.profileOff", { name: one.name })}
                </option>
              ))}
            </select>
          )}
        </Field>
        <div className="row-end">
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button primary type="submit" disabled={wrong || save.isPending}>
            {t("common.save")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
