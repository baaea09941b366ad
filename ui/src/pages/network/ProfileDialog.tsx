// Adding and changing a network profile. A proxy's password goes in and is never shown again.
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { ApiError } from "../../api/client";
import { Button } from "../../parts/Button";
import { Dialog } from "../../parts/Dialog";
import { Field } from "../../parts/Field";
import { useToast } from "../../parts/Toast";
import { DIRECT, MODES, usePutProfile, type Mode, type Profile, type ProfileChange } from "./network";

const SCHEMES: Partial<Record<Mode, string>> = { "http-proxy": "http", "https-proxy": "https", socks5: "socks5" };

interface Props {
  /** The one that is changed; none: a new one. */
  profile: Profile | undefined;
  taken: readonly string[];
  onClose: () => void;
}

export function ProfileDialog({ profile, taken, onClose }: Props) {
  const { t } = useTranslation();
  const say = useToast();
  const put = usePutProfile();
  const [id, setId] = useState(profile?.id ?? "");
  const [name, setName] = useState(profile?.name ?? "");
  const [mode, setMode] = useState<Mode>(profile?.mode ?? "http-proxy");
  const [proxy, setProxy] = useState("");
  const [local, setLocal] = useState(profile?.localAddress || "");
  const [expected, setExpected] = useState(profile?.expectedIp || "");
  const [verify, setVerify] = useState(profile?.verifyIpUrl || "");
  const [enabled, setEnabled] = useState(profile?.enabled ?? true);
  const [problem, setProblem] = useState<ApiError | null>(null);

  const scheme = SCHEMES[mode];
  const clash = !profile && taken.includes(id.trim());
  const wrong = (field: string) => (problem?.param === field ? problem.message : "");

  async function submit(): Promise<void> {
    setProblem(null);
    const change: ProfileChange = {
      name: name.trim(),
      mode,
      enabled,
      expectedIp: expected.trim(),
      verifyIpUrl: verify.trim(),
      localAddress: mode === "local-address" ? local.trim() : "",
      // Kept where nothing was typed; gone with a mode that has none.
      ...(scheme ? (proxy.trim() ? { proxyUrl: proxy.trim() } : {}) : { proxyUrl: "" }),
    };
    try {
      const saved = await put.mutateAsync({ id: id.trim(), change });
      say.done(t("network.saved", { id: saved.id }));
      onClose();
    } catch (error) {
      if (error instanceof ApiError && error.param) setProblem(error);
      else say.failed(error);
    }
  }

  return (
    <Dialog
      title={profile ? t("network.profile.title", { id: profile.id }) : t("network.profile.titleNew")}
      open
      onClose={onClose}
    >
      <form
        className="network-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (!clash) void submit();
        }}
      >
        {profile ? null : (
          <Text
            label={t("network.profile.id")}
            about={t("network.profile.idAbout")}
            problem={clash ? t("network.profile.idTaken") : wrong("id")}
            value={id}
            onChange={setId}
            required
          />
        )}
        <Text label={t("network.profile.name")} problem={wrong("name")} value={name} onChange={setName} />
        <Field label={t("network.profile.mode")} about={t(`network.modesAbout.${mode}`)} problem={wrong("mode")}>
          {(field) => (
            <select
              {...field}
              value={mode}
              disabled={profile?.id === DIRECT}
              onChange={(event) => setMode(event.target.value as Mode)}
            >
              {MODES.map((one) => (
                <option key={one} value={one}>
                  {t(`network.modes.${one}`)}
                </option>
              ))}
            </select>
          )}
        </Field>
        {scheme ? (
          <Text
            label={t("network.profile.proxy")}
            about={
              profile?.proxy && profile.mode === mode
                ? t("network.profile.proxyKept", { proxy: profile.proxy })
                : t("network.profile.proxyAbout", { scheme })
            }
            problem={wrong("proxyUrl")}
            value={proxy}
            onChange={setProxy}
          />
        ) : null}
        {mode === "local-address" ? (
          <Text
            label={t("network.profile.localAddress")}
            problem={wrong("localAddress")}
            value={local}
            onChange={setLocal}
          />
        ) : null}
        {mode === "worker-managed" ? null : (
          <>
            <Text
              label={t("network.profile.expectedIp")}
              about={t("network.profile.expectedAbout")}
              problem={wrong("expectedIp")}
              value={expected}
              onChange={setExpected}
            />
            <Text
              label={t("network.profile.verifyUrl")}
              about={t("network.profile.verifyAbout")}
              problem={wrong("verifyIpUrl")}
              value={verify}
              onChange={setVerify}
            />
          </>
        )}
        <Check label={t("network.profile.enabled")} value={enabled} onChange={setEnabled} />
        <End busy={put.isPending || clash} onClose={onClose} />
      </form>
    </Dialog>
  );
}

interface TextProps {
  label: string;
  about?: string;
  problem?: string;
  value: string;
  onChange: (value: string) => void;
  required?: boolean;
  numeric?: boolean;
}

/** One line of text with its label. */
export function Text({ label, about, problem, value, onChange, required, numeric }: TextProps) {
  return (
    <Field label={label} about={about} problem={problem}>
      {(field) => (
        <input
          {...field}
          value={value}
          required={required}
          inputMode={numeric ? "numeric" : undefined}
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

/** Yes or no. */
export function Check({
  label,
  value,
  onChange,
}: {
  label: string;
  value: boolean;
  onChange: (value: boolean) => void;
}) {
  return (
    <Field label={label}>
      {(field) => (
        <input {...field} type="checkbox" checked={value} onChange={(event) => onChange(event.target.checked)} />
      )}
    </Field>
  );
}

/** The end of a form in a dialog. */
export function End({ busy, onClose }: { busy: boolean; onClose: () => void }): ReactNode {
  const { t } = useTranslation();
  return (
    <div className="row-end">
      <Button onClick={onClose}>{t("common.cancel")}</Button>
      <Button primary type="submit" disabled={busy}>
        {t("common.save")}
      </Button>
    </div>
  );
}
