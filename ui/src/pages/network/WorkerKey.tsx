// The key of a worker that was just added: shown this once, with what to do with it.
import { useTranslation } from "react-i18next";

import { Button } from "../../parts/Button";
import { Block } from "../../parts/Copy";
import { Dialog } from "../../parts/Dialog";
import type { WorkerPut } from "./network";

/** How a luna is started that makes requests for another one. */
export function startCommand(key: string): string {
  return `LUNA_WORKER_KEY='${key}' luna serve --host 127.0.0.1 --port 8080`;
}

export function WorkerKey({ worker, onClose }: { worker: WorkerPut; onClose: () => void }) {
  const { t } = useTranslation();
  const key = worker.key ?? "";
  return (
    <Dialog
      title={t("network.worker.keyTitle", { id: worker.id })}
      about={t("network.worker.keyOnce")}
      open
      onClose={onClose}
    >
      <Block label={t("network.worker.keyLabel")} text={key} />
      <Block label={t("network.workers.command")} text={startCommand(key)} />
      <p className="soft">{t("network.workers.howTls")}</p>
      <div className="row-end">
        <Button primary onClick={onClose}>
          {t("network.worker.keyDone")}
        </Button>
      </div>
    </Dialog>
  );
}
