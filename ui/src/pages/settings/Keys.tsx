// The proxy keys: which there are, making one (shown once), revoking one.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, ApiError, body } from "../../api/client";
import type { components } from "../../api/schema";
import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Block } from "../../parts/Copy";
import { Confirm, Dialog } from "../../parts/Dialog";
import { Empty, Failed, Loading } from "../../parts/Empty";
import { Field } from "../../parts/Field";
import { Time } from "../../parts/Time";
import { useToast } from "../../parts/Toast";

type Key = components["schemas"]["KeyEntry"];
type NewKey = components["schemas"]["NewKey"];

const KEYS = ["keys"] as const;

export function Keys() {
  const { t } = useTranslation();
  const keys = useQuery({ queryKey: KEYS, queryFn: () => body(api.GET("/api/keys")) });
  return (
    <section className="card">
      <h2>{t("settings.keys.title")}</h2>
      {keys.error ? <Failed error={keys.error} onRetry={() => void keys.refetch()} /> : null}
      {keys.isPending ? <Loading /> : null}
      {keys.data ? (
        <>
          {keys.data.keys.length === 0 ? (
            <Empty title={t("settings.keys.emptyTitle")}>
              <p>{keys.data.required ? t("settings.keys.required") : t("settings.keys.free")}</p>
              <p>{t("settings.keys.emptyAbout")}</p>
            </Empty>
          ) : (
            <>
              <p className="soft">{t("settings.keys.required")}</p>
              <Table keys={keys.data.keys} />
            </>
          )}
          <Create />
        </>
      ) : null}
    </section>
  );
}

function Table({ keys }: { keys: readonly Key[] }) {
  const { t } = useTranslation();
  return (
    <div className="scroll-x">
      <table className="plain-table">
        <thead>
          <tr>
            <th scope="col">{t("settings.keys.name")}</th>
            <th scope="col">{t("settings.keys.from")}</th>
            <th scope="col">{t("settings.keys.fingerprint")}</th>
            <th scope="col">{t("settings.keys.created")}</th>
            <th scope="col">{t("settings.keys.used")}</th>
            <th scope="col">
              <span className="visually-hidden">{t("settings.keys.actions")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {keys.map((key) => (
            <tr key={key.name}>
              <th scope="row">{key.name}</th>
              <td>
                {key.source === "environment" ? (
                  <Badge tone="info">{t("settings.keys.environment")}</Badge>
                ) : (
                  t("settings.keys.file")
                )}
              </td>
              <td>
                <code>{key.fingerprint}</code>
              </td>
              <td>
                <Time at={key.createdAt} />
              </td>
              <td>{key.lastUsedAt ? <Time at={key.lastUsedAt} /> : t("settings.keys.never")}</td>
              <td>
                {key.source === "environment" ? (
                  <span className="soft">{t("settings.keys.environmentAbout")}</span>
                ) : (
                  <Revoke name={key.name} last={keys.length === 1} />
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Revoke({ name, last }: { name: string; last: boolean }) {
  const { t } = useTranslation();
  const say = useToast();
  const queries = useQueryClient();
  return (
    <Confirm
      label={t("settings.keys.revoke")}
      title={t("settings.keys.revokeTitle", { name })}
      about={t(last ? "settings.keys.revokeLast" : "settings.keys.revokeAbout")}
      confirm={t("settings.keys.revoke")}
      onConfirm={async () => {
        try {
          await api.DELETE("/api/keys/{name}", { params: { path: { name } } });
          say.done(t("settings.keys.revoked", { name }));
        } catch (error) {
          say.failed(error);
        }
        await queries.invalidateQueries({ queryKey: KEYS });
      }}
    />
  );
}

function Create() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const [name, setName] = useState("");
  const [made, setMade] = useState<NewKey | null>(null);
  const create = useMutation({
    mutationFn: () => body(api.POST("/api/keys", { body: { name: name.trim() } })),
    onSuccess: async (key) => {
      setMade(key);
      setName("");
      await queries.invalidateQueries({ queryKey: KEYS });
    },
  });
  const problem = create.error instanceof ApiError ? `${create.error.message} ${create.error.hint}`.trim() : "";
  return (
    <>
      <p className="soft">{t("settings.keys.nameAbout")}</p>
      <form
        className="settings-create"
        onSubmit={(event) => {
          event.preventDefault();
          create.mutate();
        }}
      >
        <Field label={t("settings.keys.newName")} problem={problem}>
          {(field) => (
            <input
              {...field}
              value={name}
              autoComplete="off"
              spellCheck={false}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        <Button primary type="submit" disabled={create.isPending || !name.trim()}>
          {t("settings.keys.create")}
        </Button>
      </form>
      <Dialog
        title={t("settings.keys.newTitle", { name: made?.name ?? "" })}
        about={t("settings.keys.newAbout")}
        open={made !== null}
        onClose={() => setMade(null)}
      >
        <Block label={t("settings.keys.newKey")} text={made?.key ?? ""} />
        <div className="row-end">
          <Button primary data-safe onClick={() => setMade(null)}>
            {t("settings.keys.copied")}
          </Button>
        </div>
      </Dialog>
    </>
  );
}
