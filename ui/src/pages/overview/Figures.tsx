// The figures of a while, each leading to the flows that it counts.
import { useTranslation } from "react-i18next";

import { Figure } from "../../parts/Figure";
import { duration } from "../../parts/Time";
import { flowsPath } from "../flows/filter";
import { FAILED, lastMinute, lately, percent, short, slowerThan, type Overview } from "./figures";

export function Figures({ overview, minutes }: { overview: Overview; minutes: number }) {
  const { t, i18n } = useTranslation();
  const language = i18n.language;
  const { total, now } = overview;
  const minute = lastMinute(overview);
  const decided = total.completed + total.failed;
  return (
    <div className="figures">
      <Figure
        label={t("overview.requests")}
        value={short(total.requests, language)}
        note={minute === null ? undefined : t("overview.perMinute", { count: minute })}
        to={flowsPath(lately(minutes))}
      />
      <Figure
        label={t("overview.success")}
        value={percent(total.success, language)}
        note={decided > 0 ? t("overview.successNote", { completed: total.completed, decided }) : undefined}
        to={flowsPath(lately(minutes, "~o completed"))}
      />
      <Figure
        label={t("overview.errors")}
        value={short(total.failed, language)}
        note={t("overview.errorsNote")}
        to={flowsPath(lately(minutes, FAILED))}
      />
      <Figure
        label={t("overview.first")}
        value={duration(total.firstP50)}
        note={total.firstP95 === null ? undefined : t("overview.firstNote", { time: duration(total.firstP95) })}
        to={flowsPath(lately(minutes, total.firstP95 === null ? "" : slowerThan(total.firstP95)))}
      />
      <Figure
        label={t("overview.tokens")}
        value={short(total.inputTokens + total.outputTokens, language)}
        note={t("overview.tokensNote", {
          input: short(total.inputTokens, language),
          output: short(total.outputTokens, language),
        })}
        to={flowsPath(lately(minutes, "~n >0"))}
      />
      <Figure
        label={t("overview.active")}
        value={now.active}
        note={t("overview.activeNote", { count: now.streaming })}
        to={flowsPath("~o active")}
      />
      <Figure
        label={t("overview.queue")}
        value={now.queued}
        note={now.queued > 0 ? t("overview.queueNote", { time: duration(now.longestWaitMs) }) : t("overview.queueNone")}
        to={flowsPath("~o queued")}
      />
    </div>
  );
}
