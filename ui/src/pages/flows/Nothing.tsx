// In the place of an empty list: nothing has come yet, or nothing matches.
import { useTranslation } from "react-i18next";

import { Button } from "../../parts/Button";
import { Block } from "../../parts/Copy";
import { Empty } from "../../parts/Empty";

/** A first request, as a terminal takes it. */
export function requestCommand(prompt: string): string {
  const request = { model: "qwen3-max", messages: [{ role: "user", content: prompt }] };
  const lines = [
    `curl ${location.origin}/v1/chat/completions`,
    "-H 'content-type: application/json'",
    `-d '${JSON.stringify(request)}'`,
  ];
  return lines.join(" \\\n  ");
}

export function Nothing({ filter, onClear }: { filter: string; onClear: () => void }) {
  const { t } = useTranslation();
  if (filter) {
    return (
      <Empty title={t("flows.empty.noMatch")}>
        <p>{t("flows.empty.noMatchAbout")}</p>
        <Button onClick={onClear}>{t("flows.filter.clear")}</Button>
      </Empty>
    );
  }
  return (
    <Empty title={t("flows.empty.title")}>
      <p>{t("flows.empty.about")}</p>
      <div className="flows-command">
        <Block label={t("flows.empty.command")} text={requestCommand(t("flows.empty.prompt"))} />
      </div>
    </Empty>
  );
}
