// Adding and changing a worker. Its key goes in and is not shown again; luna makes one where none is given.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { api, ApiError, body } from "../../api/client";
import { Dialog } from "../../parts/Dialog";
import { Field } from "../../parts/Field";
import { useToast } from "../../parts/Toast";
import { useProfiles, usePutWorker, type Worker, type WorkerChange, type WorkerPut } from "./network";
import { Check, End, Text } from "./ProfileDialog";

interface Props {
  /** The one that is changed; none: a new one. */
  worker: Worker | undefined;
  taken: readonly string[];
  onClose: () => void;
  /** A new one whose key luna made. */
  onMade: (worker: WorkerPut) => void;
}

export function WorkerDialog({ worker, taken, onClose, onMade }: Props) {
  const { t } = useTranslation();
  const say = useToast();
  const put = usePutWorker();
  const profiles = useProfiles();
  const accounts = useQuery({ queryKey: ["accounts"], queryFn: () => body(api.GET("/api/accounts")) });
  const [id, setId] = useState(worker?.id ?? "");
  const [url, setUrl] = useState(worker?.baseUrl ?? "");
  const [key, setKey] = useState("");
  const [account, setAccount] = useState(worker?.accountId || "");
  const [profile, setProfile] = useState(worker?.networkProfileId || "");
  const [limit, setLimit] = useState(() => String(worker?.maxConcurrentRuns ?? ""));
  const [expected, setExpected] = useState(worker?.expectedIp || "");
  const [enabled, setEnabled] = useState(worker?.enabled ?? true);
  const [problem, setProblem] = useState<ApiError | null>(null);

  const clash = !worker && taken.includes(id.trim());
  const limitWrong = !/^\d{0,4}$|^10000$/.test(limit.trim());
  const wrong = (field: string) => (problem?.param === field ? problem.message : "");

  async function submit(): Promise<void> {
    setProblem(null);
    const change: WorkerChange = {
      baseUrl: url.trim(),
      accountId: account,
      networkProfileId: profile,
      maxConcurrentRuns: limit.trim() ? Number(limit) : null,
      expectedIp: expected.trim(),
      enabled,
      ...(key.trim() ? { key: key.trim() } : {}),
    };
    try {
      const saved = await put.mutateAsync({ id: id.trim(), change });
      say.done(t("network.saved", { id: saved.id }));
      onClose();
      if (saved.key) onMade(saved);
    } catch (error) {
      if (error instanceof ApiError && error.param) setProblem(error);
      else say.failed(error);
    }
  }

  return (
    <Dialog
      title={worker ? t("network.worker.title", { id: worker.id }) : t("network.worker.titleNew")}
      open
      onClose={onClose}
    >
      <form
        className="network-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (!clash && !limitWrong) void submit();
        }}
      >
        {worker ? null : (
          <Text
            label={t("network.worker.id")}
            about={t("network.profile.idAbout")}
            problem={clash ? t("network.worker.idTaken") : wrong("id")}
            value={id}
            onChange={setId}
            required
          />
        )}
        <Text
          label={t("network.worker.url")}
          about={t("network.worker.urlAbout")}
          problem={wrong("baseUrl")}
          value={url}
          onChange={setUrl}
          required
        />
        <Text
          label={t("network.worker.key")}
          about={worker ? t("network.worker.keyKept") : t("network.worker.keyAbout")}
          problem={wrong("key")}
          value={key}
          onChange={setKey}
        />
        <Choice
          label={t("network.worker.account")}
          problem={wrong("accountId")}
          value={account}
          among={(accounts.data?.accounts ?? []).map((one) => [one.id, one.label] as const)}
          onChange={setAccount}
        />
        <Choice
          label={t("network.worker.profile")}
          problem={wrong("networkProfileId")}
          value={profile}
          among={(profiles.data ?? []).map((one) => [one.id, one.name] as const)}
          onChange={setProfile}
        />
        <Text
          label={t("network.worker.limit")}
          about={t("network.worker.limitAbout")}
          problem={limitWrong ? t("network.worker.limitWrong") : wrong("maxConcurrentRuns")}
          value={limit}
          onChange={setLimit}
          numeric
        />
        <Text
          label={t("network.profile.expectedIp")}
          about={t("network.profile.expectedAbout")}
          problem={wrong("expectedIp")}
          value={expected}
          onChange={setExpected}
        />
        <Check label={t("network.profile.enabled")} value={enabled} onChange={setEnabled} />
        <End busy={put.isPending || clash || limitWrong} onClose={onClose} />
      </form>
    </Dialog>
  );
}

interface ChoiceProps {
  label: string;
  problem: string;
  value: string;
  /** Ids and their names. */
  among: readonly (readonly [string, string])[];
  onChange: (value: string) => void;
}

/** One of those that there are, or all of them. What was chosen and is gone stays choosable. */
function Choice({ label, problem, value, among, onChange }: ChoiceProps) {
  const { t } = useTranslation();
  const gone = value !== "" && !among.some(([id]) => id === value);
  return (
    <Field label={label} problem={problem}>
      {(field) => (
        <select {...field} value={value} onChange={(event) => onChange(event.target.value)}>
          <option value="">{t("network.worker.anyone")}</option>
          {gone ? <option value={value}>{value}</option> : null}
          {among.map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
