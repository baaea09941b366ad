// The network profiles: which there are, what their checks found, and what can be done with each.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, body } from "../../api/client";
import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Confirm } from "../../parts/Dialog";
import { Failed, Loading } from "../../parts/Empty";
import { Time } from "../../parts/Time";
import { useToast } from "../../parts/Toast";
import { useSayFound } from "./checks";
import {
  canBeChecked,
  DIRECT,
  toneOf,
  useProfiles,
  useRemoveProfile,
  useVerifyProfile,
  useWorkers,
  type Found,
  type Profile,
} from "./network";
import { ProfileDialog } from "./ProfileDialog";
import { Scroll } from "./Scroll";

interface Props {
  /** The id of the one that is edited, `new` for another one, or nothing. */
  open: string;
  onOpen: (id: string) => void;
}

/** Stands in the URL for a profile or worker that is not there yet. */
export const NEW = "new";

export function Profiles({ open, onOpen }: Props) {
  const { t } = useTranslation();
  const profiles = useProfiles();
  const verify = useVerifyProfile();
  const say = useSayFound();
  const [busy, setBusy] = useState("");
  const all = profiles.data ?? [];
  const edited = all.find((profile) => profile.id === open);

  async function check(ids: readonly string[]): Promise<void> {
    const found: Found[] = [];
    try {
      for (const id of ids) {
        setBusy(ids.length > 1 ? "*" : id);
        found.push(await verify.mutateAsync(id));
      }
      if (found.length === 1 && found[0]) say.one(found[0]);
      else say.several(found);
    } catch (error) {
      say.failed(error);
    } finally {
      setBusy("");
    }
  }

  return (
    <section className="card" aria-labelledby="profiles">
      <div className="page-head">
        <h2 id="profiles">{t("network.profiles.title")}</h2>
        <div className="page-actions">
          <Button
            disabled={busy !== "" || all.length === 0}
            onClick={() => void check(all.filter(canBeChecked).map(({ id }) => id))}
          >
            {busy === "*" ? t("network.checks.checking") : t("network.profiles.verifyAll")}
          </Button>
          <Button onClick={() => onOpen(NEW)}>{t("network.profiles.add")}</Button>
        </div>
      </div>
      <p className="soft">{t("network.profiles.about")}</p>
      {profiles.isPending ? <Loading /> : null}
      {profiles.error ? <Failed error={profiles.error} onRetry={() => void profiles.refetch()} /> : null}
      {all.length > 0 ? <Table profiles={all} busy={busy} onCheck={(id) => void check([id])} onEdit={onOpen} /> : null}
      {all.length === 1 ? <p className="soft">{t("network.profiles.onlyDirect")}</p> : null}
      {open === NEW || edited ? (
        <ProfileDialog key={open} profile={edited} taken={all.map(({ id }) => id)} onClose={() => onOpen("")} />
      ) : null}
    </section>
  );
}

interface TableProps {
  profiles: readonly Profile[];
  busy: string;
  onCheck: (id: string) => void;
  onEdit: (id: string) => void;
}

function Table({ profiles, busy, onCheck, onEdit }: TableProps) {
  const { t } = useTranslation();
  const accounts = useQuery({ queryKey: ["accounts"], queryFn: () => body(api.GET("/api/accounts")) });
  const workers = useWorkers();
  return (
    <Scroll label={t("network.profiles.title")}>
      <table className="plain-table network-table">
        <thead>
          <tr>
            <th scope="col">{t("network.columns.id")}</th>
            <th scope="col">{t("network.columns.status")}</th>
            <th scope="col">{t("network.columns.mode")}</th>
            <th scope="col">{t("network.columns.seen")}</th>
            <th scope="col">{t("network.columns.checked")}</th>
            <th scope="col">{t("network.columns.used")}</th>
            <th scope="col">
              <span className="visually-hidden">{t("network.columns.acts")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {profiles.map((profile) => (
            <Row
              key={profile.id}
              profile={profile}
              accounts={accounts.data?.accounts.filter((one) => one.networkProfileId === profile.id).length ?? 0}
              workers={workers.data?.filter((one) => one.networkProfileId === profile.id).length ?? 0}
              busy={busy === profile.id || busy === "*"}
              onCheck={() => onCheck(profile.id)}
              onEdit={() => onEdit(profile.id)}
            />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

interface RowProps {
  profile: Profile;
  accounts: number;
  workers: number;
  busy: boolean;
  onCheck: () => void;
  onEdit: () => void;
}

function Row({ profile, accounts, workers, busy, onCheck, onEdit }: RowProps) {
  const { t } = useTranslation();
  const say = useToast();
  const remove = useRemoveProfile();
  const users = [
    accounts > 0 ? t("network.profiles.accounts", { count: accounts }) : "",
    workers > 0 ? t("network.profiles.workers", { count: workers }) : "",
  ].filter(Boolean);

  async function removeIt(): Promise<void> {
    try {
      await remove.mutateAsync({ id: profile.id, force: accounts > 0 }); // they were shown, counted
      say.done(t("network.removal.done", { id: profile.id }));
    } catch (error) {
      say.failed(error);
    }
  }

  return (
    <tr>
      <th scope="row">
        <code>{profile.id}</code>
        {profile.name === profile.id ? null : <div className="soft">{profile.name}</div>}
      </th>
      <td>
        <Badge tone={toneOf(profile.status)}>{t(`network.status.${profile.status}`)}</Badge>
        {profile.lastError ? <div className="network-error">{profile.lastError}</div> : null}
      </td>
      <td>
        {t(`network.modes.${profile.mode}`)}
        {profile.proxy || profile.localAddress ? (
          <div className="soft mono">{profile.proxy || profile.localAddress}</div>
        ) : null}
      </td>
      <td className="mono">
        {profile.lastVerifiedIp || "–"}
        {profile.expectedIp && profile.expectedIp !== profile.lastVerifiedIp ? (
          <div className="soft">
            {t("network.columns.expected")}: {profile.expectedIp}
          </div>
        ) : null}
      </td>
      <td>
        <Time at={profile.lastCheckedAt} />
      </td>
      <td>
        {users.join(", ") || (profile.id === DIRECT ? t("network.profiles.everybody") : t("network.profiles.nobody"))}
      </td>
      <td>
        <div className="network-acts" role="group" aria-label={profile.id}>
          {canBeChecked(profile) ? (
            <Button disabled={busy} onClick={onCheck}>
              {busy ? t("network.checks.checking") : t("network.checks.check")}
            </Button>
          ) : null}
          <Button onClick={onEdit}>{t("common.edit")}</Button>
          {profile.id === DIRECT ? null : (
            <Confirm
              label={t("common.delete")}
              title={t("network.removal.profile", { id: profile.id })}
              about={[
                t("network.removal.profileAbout"),
                accounts > 0 ? t("network.removal.accounts", { count: accounts }) : "",
              ]
                .filter(Boolean)
                .join(" ")}
              confirm={t("network.removal.confirm")}
              onConfirm={removeIt}
            />
          )}
        </div>
      </td>
    </tr>
  );
}
