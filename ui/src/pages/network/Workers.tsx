// The workers: which there are, what their checks found, what can be done with each, and how to start one.
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Block } from "../../parts/Copy";
import { Confirm } from "../../parts/Dialog";
import { Empty, Failed, Loading } from "../../parts/Empty";
import { Time } from "../../parts/Time";
import { useToast } from "../../parts/Toast";
import { useSayFound } from "./checks";
import {
  toneOf,
  useEgress,
  useRemoveWorker,
  useVerifyWorker,
  useVerifyWorkers,
  useWorkers,
  type Worker,
  type WorkerPut,
} from "./network";
import { NEW } from "./Profiles";
import { Scroll } from "./Scroll";
import { startCommand, WorkerKey } from "./WorkerKey";
import { WorkerDialog } from "./WorkerDialog";

interface Props {
  /** The id of the one that is edited, `new` for another one, or nothing. */
  open: string;
  onOpen: (id: string) => void;
}

export function Workers({ open, onOpen }: Props) {
  const { t } = useTranslation();
  const workers = useWorkers();
  const verifyAll = useVerifyWorkers();
  const say = useSayFound();
  const [made, setMade] = useState<WorkerPut | null>(null);
  const all = workers.data ?? [];
  const edited = all.find((worker) => worker.id === open);

  async function checkAll(): Promise<void> {
    try {
      say.several(await verifyAll.mutateAsync(undefined));
    } catch (error) {
      say.failed(error);
    }
  }

  return (
    <section className="card" aria-labelledby="workers">
      <div className="page-head">
        <h2 id="workers">{t("network.workers.title")}</h2>
        <div className="page-actions">
          <Button disabled={verifyAll.isPending || all.length === 0} onClick={() => void checkAll()}>
            {verifyAll.isPending ? t("network.checks.checking") : t("network.workers.verifyAll")}
          </Button>
          <Button onClick={() => onOpen(NEW)}>{t("network.workers.add")}</Button>
        </div>
      </div>
      <p className="soft">{t("network.workers.about")}</p>
      {workers.isPending ? <Loading /> : null}
      {workers.error ? <Failed error={workers.error} onRetry={() => void workers.refetch()} /> : null}
      {workers.data && all.length === 0 ? (
        <Empty title={t("network.workers.empty")}>
          <p>{t("network.workers.emptyAbout")}</p>
        </Empty>
      ) : null}
      {all.length > 0 ? <Table workers={all} busy={verifyAll.isPending} onEdit={onOpen} /> : null}
      <HowToStart />
      {open === NEW || edited ? (
        <WorkerDialog
          key={open}
          worker={edited}
          taken={all.map(({ id }) => id)}
          onClose={() => onOpen("")}
          onMade={setMade}
        />
      ) : null}
      {made ? <WorkerKey worker={made} onClose={() => setMade(null)} /> : null}
    </section>
  );
}

function HowToStart() {
  const { t } = useTranslation();
  return (
    <details className="network-how">
      <summary>{t("network.workers.how")}</summary>
      <div className="network-form">
        <p>{t("network.workers.howFirst")}</p>
        <p>{t("network.workers.howThen")}</p>
        <Block label={t("network.workers.command")} text={startCommand("…")} />
        <p className="soft">{t("network.workers.howTls")}</p>
      </div>
    </details>
  );
}

function Table({ workers, busy, onEdit }: { workers: readonly Worker[]; busy: boolean; onEdit: (id: string) => void }) {
  const { t } = useTranslation();
  return (
    <Scroll label={t("network.workers.title")}>
      <table className="plain-table network-table">
        <thead>
          <tr>
            <th scope="col">{t("network.columns.id")}</th>
            <th scope="col">{t("network.columns.status")}</th>
            <th scope="col">{t("network.columns.url")}</th>
            <th scope="col">{t("network.columns.seen")}</th>
            <th scope="col">{t("network.columns.checked")}</th>
            <th scope="col">{t("network.columns.forWhom")}</th>
            <th scope="col">{t("network.columns.runs")}</th>
            <th scope="col">
              <span className="visually-hidden">{t("network.columns.acts")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {workers.map((worker) => (
            <Row key={worker.id} worker={worker} busy={busy} onEdit={() => onEdit(worker.id)} />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Row({ worker, busy, onEdit }: { worker: Worker; busy: boolean; onEdit: () => void }) {
  const { t } = useTranslation();
  const toast = useToast();
  const say = useSayFound();
  const verify = useVerifyWorker();
  const remove = useRemoveWorker();
  const used = useEgress().data?.ways.filter((way) => way.workerId === worker.id).length ?? 0;
  const limit = worker.maxConcurrentRuns;

  async function removeIt(): Promise<void> {
    try {
      await remove.mutateAsync(worker.id);
      toast.done(t("network.removal.done", { id: worker.id }));
    } catch (error) {
      toast.failed(error);
    }
  }

  const forWhom = [
    worker.accountId ? t("network.workers.account", { account: worker.accountId }) : "",
    worker.networkProfileId ? t("network.workers.profile", { profile: worker.networkProfileId }) : "",
  ].filter(Boolean);
  return (
    <tr>
      <th scope="row">
        <code>{worker.id}</code>
      </th>
      <td>
        <Badge tone={toneOf(worker.status)}>{t(`network.status.${worker.status}`)}</Badge>
        {worker.lastError ? <div className="network-error">{worker.lastError}</div> : null}
      </td>
      <td className="mono">{worker.baseUrl}</td>
      <td className="mono">
        {worker.lastVerifiedIp || "–"}
        {worker.expectedIp && worker.expectedIp !== worker.lastVerifiedIp ? (
          <div className="soft">
            {t("network.columns.expected")}: {worker.expectedIp}
          </div>
        ) : null}
      </td>
      <td>
        <Time at={worker.lastCheckedAt} />
      </td>
      <td>{forWhom.join(", ") || t("network.workers.all")}</td>
      <td>
        {limit === null || limit === undefined
          ? t("network.workers.settings")
          : limit === 0
            ? t("network.workers.unlimited")
            : limit}
      </td>
      <td>
        <div className="network-acts" role="group" aria-label={worker.id}>
          <Button
            disabled={busy || verify.isPending}
            onClick={() => verify.mutate(worker.id, { onSuccess: say.one, onError: say.failed })}
          >
            {verify.isPending ? t("network.checks.checking") : t("network.checks.check")}
          </Button>
          <Button onClick={onEdit}>{t("common.edit")}</Button>
          <Confirm
            label={t("common.delete")}
            title={t("network.removal.worker", { id: worker.id })}
            about={[t("network.removal.workerAbout"), used > 0 ? t("network.removal.workerUsed", { count: used }) : ""]
              .filter(Boolean)
              .join(" ")}
            confirm={t("network.removal.confirm")}
            onConfirm={removeIt}
          />
        </div>
      </td>
    </tr>
  );
}
