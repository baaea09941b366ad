// The models: what Qwen offers, what each can do, which names lead to it, and whether it answers.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { api, body } from "../../api/client";
import type { components } from "../../api/schema";
import { useAddress } from "../../parts/address";
import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Empty, Failed, Loading } from "../../parts/Empty";
import { Field } from "../../parts/Field";
import { Page } from "../../parts/Page";
import { Time } from "../../parts/Time";
import { useToast } from "../../parts/Toast";
import { ProxyKey } from "../playground/ProxyKey";
import { AliasTable } from "./AliasTable";
import { can, CAPABILITIES, matches, type Capability } from "./find";
import { ModelDetail } from "./ModelDetail";
import { ModelTable } from "./ModelTable";
import "./models.css";

export type Models = components["schemas"]["ModelsDocument"];
export type Model = components["schemas"]["ModelEntry"];

export const MODELS = ["models"] as const;

export default function ModelsPage() {
  const { t } = useTranslation();
  const models = useQuery({ queryKey: MODELS, queryFn: () => body(api.GET("/api/models")) });
  return (
    <Page title={t("shell.pages.models")} actions={<Refresh />}>
      {models.error ? <Failed error={models.error} onRetry={() => void models.refetch()} /> : null}
      {models.isPending ? <Loading /> : null}
      {models.data ? <Shown models={models.data} /> : null}
    </Page>
  );
}

function Refresh() {
  const { t } = useTranslation();
  const say = useToast();
  const queries = useQueryClient();
  const refresh = useMutation({
    mutationFn: () => body(api.POST("/api/models/refresh")),
    onSuccess: (models) => {
      queries.setQueryData(MODELS, models);
      say.done(t("models.refreshed", { count: models.count }));
    },
    onError: (error) => say.failed(error),
  });
  return (
    <Button disabled={refresh.isPending} onClick={() => refresh.mutate()}>
      {t("models.refresh")}
    </Button>
  );
}

function Shown({ models }: { models: Models }) {
  const { t } = useTranslation();
  const [query, change] = useAddress();
  const keys = useQuery({ queryKey: ["keys"], queryFn: () => body(api.GET("/api/keys")) });
  const words = query.get("q") ?? "";
  const wanted: readonly Capability[] = CAPABILITIES.filter((one) => query.get("can")?.split(",").includes(one));
  const shown = models.items.filter((model) => matches(model, words) && wanted.every((one) => can(model, one)));
  const chosen = models.items.find((model) => model.id === query.get("model"));

  return (
    <>
      <Origin models={models} />
      <div className="models-filter">
        <Field label={t("common.search")}>
          {(field) => (
            <input {...field} type="search" value={words} onChange={(event) => change({ q: event.target.value })} />
          )}
        </Field>
        <div className="models-can" role="group" aria-label={t("models.capabilities")}>
          {CAPABILITIES.map((one) => {
            const on = wanted.includes(one);
            return (
              <Button
                key={one}
                aria-pressed={on}
                onClick={() =>
                  change({
                    can: CAPABILITIES.filter((each) => (each === one ? !on : wanted.includes(each))).join(","),
                  })
                }
              >
                {t(`models.can.${one}`)}
              </Button>
            );
          })}
        </div>
      </div>
      {keys.data?.required ? <ProxyKey /> : null}
      {shown.length > 0 ? (
        <ModelTable models={shown} onChoose={(model) => change({ model: model.id })} />
      ) : (
        <Empty title={t("common.noMatch")}>
          <Button onClick={() => change({ q: "", can: "" })}>{t("common.clearFilter")}</Button>
        </Empty>
      )}
      <AliasTable aliases={models.aliases} />
      <ModelDetail model={chosen} onClose={() => change({ model: "" })} />
    </>
  );
}

/** Where the list comes from, and how old it is. */
function Origin({ models }: { models: Models }) {
  const { t } = useTranslation();
  return (
    <div className="models-origin">
      {models.source === "live" ? (
        <Badge tone="good">{t("models.live")}</Badge>
      ) : (
        <Badge tone="warn">{t("models.shipped")}</Badge>
      )}
      {models.demo ? <Badge tone="warn">{t("models.demo")}</Badge> : null}
      <span>{t("models.count", { count: models.count })}</span>
      {models.updatedAt === null ? null : (
        <span className="soft">
          {t("models.updated")} <Time at={models.updatedAt} />
        </span>
      )}
      {models.problem ? (
        <p className="field-problem" role="alert">
          {t("models.problem")} {models.problem}
        </p>
      ) : null}
    </div>
  );
}
