// The flows that wait, each with the time that is left to decide.
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";

import { Button } from "../../parts/Button";
import { useToast } from "../../parts/Toast";
import { Countdown } from "../accounts/Countdown";
import { useResume, type Halted } from "./breakpoints";

export function Waiting({ halted, chosen }: { halted: readonly Halted[]; chosen: string }) {
  const { t } = useTranslation();
  return (
    <section className="card" aria-labelledby="waiting">
      <h2 id="waiting">{t("breakpoints.halted.title")}</h2>
      <div role="status">{halted.length === 0 ? <p className="soft">{t("breakpoints.halted.empty")}</p> : null}</div>
      {halted.length > 0 ? (
        <ul className="halted-list">
          {halted.map((one) => (
            <One key={one.id} halted={one} chosen={one.id === chosen} />
          ))}
        </ul>
      ) : null}
    </section>
  );
}

function One({ halted, chosen }: { halted: Halted; chosen: boolean }) {
  const { t } = useTranslation();
  const resume = useResume();
  const say = useToast();
  const go = useNavigate();

  async function goOn(): Promise<void> {
    try {
      await resume.mutateAsync(halted.id);
      say.done(t("breakpoints.halted.resumed"));
      if (chosen) void go("/breakpoints");
    } catch (error) {
      say.failed(error);
    }
  }

  return (
    <li className="halted-one" data-chosen={chosen || undefined}>
      <div className="halted-what">
        <strong>
          {halted.model} {t("breakpoints.halted.behind", { boundary: halted.boundary })}
        </strong>
        <span>
          {halted.calls.length > 0
            ? t("breakpoints.halted.call", { calls: halted.calls.join(", ") })
            : t(`breakpoints.halted.${halted.side}`)}
          {halted.client ? ` ${t("breakpoints.halted.client", { client: halted.client })}` : ""}
        </span>
        {halted.preview ? <span className="soft halted-preview">{halted.preview}</span> : null}
      </div>
      <span className="halted-left">
        {t("breakpoints.halted.left")} <Countdown until={halted.until} />
      </span>
      <div className="row">
        <Link to={`/flows/${encodeURIComponent(halted.flow)}`}>{t("breakpoints.halted.flow")}</Link>
        <Button disabled={resume.isPending} onClick={() => void goOn()}>
          {t("breakpoints.halted.resume")}
        </Button>
        <Button primary aria-pressed={chosen} onClick={() => void go(`/breakpoints/${encodeURIComponent(halted.id)}`)}>
          {t("breakpoints.halted.open")}
        </Button>
      </div>
    </li>
  );
}
