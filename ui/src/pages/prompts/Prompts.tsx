// The page of the prompts: a list of all, and one of them.
import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";

import { api, body } from "../../api/client";
import { changed, useAddress } from "../../parts/address";
import { Badge } from "../../parts/Badge";
import { Confirm } from "../../parts/Dialog";
import { Empty, Failed, Loading } from "../../parts/Empty";
import { Page } from "../../parts/Page";
import { useToast } from "../../parts/Toast";
import { usePrompts, type Prompt } from "./data";
import { PromptEditor } from "./PromptEditor";
import "./prompts.css";

export default function Prompts() {
  const { t } = useTranslation();
  const prompts = usePrompts();
  const [asked] = useSearchParams();
  const title = t("shell.pages.prompts");
  if (prompts.error || !prompts.data) {
    return (
      <Page title={title}>
        {prompts.error ? <Failed error={prompts.error} onRetry={() => void prompts.refetch()} /> : <Loading />}
      </Page>
    );
  }
  const name = asked.get("prompt") ?? prompts.data[0]?.id ?? "";
  const prompt = prompts.data.find((each) => each.id === name);
  const overridden = prompts.data.filter((each) => each.overridden).length;
  return (
    <Page title={title} actions={overridden > 0 ? <ResetAll count={overridden} /> : undefined}>
      <p className="soft">{t("prompts.about")}</p>
      <div className="prompts">
        <PromptList prompts={prompts.data} chosen={name} />
        {prompt ? (
          <PromptEditor key={prompt.id} prompt={prompt} />
        ) : (
          <Empty title={t("prompts.none", { name })}>
            <p>{t("prompts.noneHint")}</p>
          </Empty>
        )}
      </div>
    </Page>
  );
}

function ResetAll({ count }: { count: number }) {
  const { t } = useTranslation();
  const say = useToast();
  const queries = useQueryClient();
  async function reset(): Promise<void> {
    try {
      const answer = await body(api.POST("/api/prompts/reset"));
      queries.setQueryData(["prompts"], answer.prompts);
      say.done(t("prompts.resetAllDone"));
    } catch (error) {
      say.failed(error);
    }
  }
  return (
    <Confirm
      label={t("prompts.resetAll", { count })}
      title={t("prompts.resetAllTitle")}
      about={t("prompts.resetAllAbout", { count })}
      confirm={t("common.reset")}
      onConfirm={reset}
    />
  );
}

function PromptList({ prompts, chosen }: { prompts: readonly Prompt[]; chosen: string }) {
  const { t } = useTranslation();
  const [asked, change] = useAddress();
  const only = asked.get("only") === "changed";
  const shown = only ? prompts.filter((prompt) => prompt.overridden) : prompts;

  return (
    <nav className="prompts-list" aria-label={t("prompts.label")}>
      <label className="prompts-filter">
        <input type="checkbox" checked={only} onChange={() => change({ only: only ? null : "changed" })} />{" "}
        {t("prompts.filter")}
      </label>
      {shown.length === 0 ? (
        <Empty title={t("prompts.noneChanged")}>
          <p>{t("prompts.noneChangedHint")}</p>
        </Empty>
      ) : (
        <ul>
          {shown.map((prompt) => (
            <li key={prompt.id}>
              <Link
                to={`/prompts?${changed(asked, { prompt: prompt.id }).toString()}`}
                className="prompts-one"
                aria-current={prompt.id === chosen ? "page" : undefined}
              >
                <span className="row">
                  <code>{prompt.id}</code>
                  {prompt.problem ? (
                    <Badge tone="bad">{t("prompts.problem")}</Badge>
                  ) : prompt.overridden ? (
                    <Badge tone="info">{t("prompts.changed")}</Badge>
                  ) : null}
                </span>
                <span className="soft">{prompt.description}</span>
              </Link>
            </li>
          ))}
        </ul>
      )}
    </nav>
  );
}
