// What saving an edit would alter: for requests, and in the text.
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useMayChange } from "../../app/opened";
import { Badge, type Tone } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Dialog } from "../../parts/Dialog";
import { Difference } from "../../parts/editor/Editor";
import { Problems, type Diagnostic } from "../../parts/editor/Problems";
import { Failed, Loading } from "../../parts/Empty";
import { Tabs } from "../../parts/Tabs";
import { written } from "./data";
import type { Edit } from "./edit";
import { usePlan, type Plan } from "./files";
import { Forecast } from "./Forecast";

interface Props {
  edit: Edit;
  name: string;
  onClose: () => void;
  onGo: (problem: Diagnostic) => void;
}

export function PlanDialog({ edit, name, onClose, onGo }: Props) {
  const { t } = useTranslation();
  const mayChange = useMayChange();
  const [view, setView] = useState("meaning");
  const plan = usePlan(name, edit.whole);
  const go = (problem: Diagnostic) => {
    onClose();
    onGo(problem);
  };
  async function save(): Promise<void> {
    if (await edit.save()) onClose();
  }
  return (
    <Dialog side open title={t("pipelines.plan.title", { name })} onClose={onClose}>
      <Tabs
        label={t("pipelines.plan.label")}
        chosen={view}
        onChoose={setView}
        tabs={[
          {
            id: "meaning",
            name: t("pipelines.plan.meaning"),
            content: plan.data ? (
              <Changes plan={plan.data} onGo={go} />
            ) : plan.error ? (
              <Failed error={plan.error} onRetry={() => void plan.refetch()} />
            ) : (
              <Loading />
            ),
          },
          {
            id: "flows",
            name: t("forecast.tab"),
            content: view === "flows" ? <Forecast name={name} text={edit.whole} /> : null,
          },
          {
            id: "text",
            name: t("pipelines.plan.text"),
            content: (
              <Difference
                label={t("pipelines.plan.textLabel")}
                before={edit.base}
                after={edit.draft}
                language={name.endsWith(".md") ? "text" : "yaml"}
              />
            ),
          },
        ]}
      />
      <div className="row-end">
        <Button onClick={onClose}>{t("common.close")}</Button>
        {mayChange ? (
          <Button primary disabled={!plan.data?.ok || edit.busy} onClick={() => void save()}>
            {t("common.save")}
          </Button>
        ) : null}
      </div>
    </Dialog>
  );
}

const TONES: Record<string, Tone> = { added: "good", removed: "bad", changed: "info", moved: "plain" };

function Changes({ plan, onGo }: { plan: Plan; onGo: (problem: Diagnostic) => void }) {
  const { t } = useTranslation();
  if (!plan.ok) {
    return (
      <>
        <p>{t("pipelines.plan.broken")}</p>
        <Problems label={t("pipelines.files.found")} problems={plan.diagnostics} onGo={onGo} />
      </>
    );
  }
  return (
    <div className="page">
      {plan.diagnostics.length > 0 ? (
        <Problems label={t("pipelines.files.found")} problems={plan.diagnostics} onGo={onGo} />
      ) : null}
      {plan.changes.length > 0 ? <ChangeTable changes={plan.changes} /> : <p>{t("pipelines.plan.nothing")}</p>}
    </div>
  );
}

type Change = Plan["changes"][number];

function ChangeTable({ changes }: { changes: readonly Change[] }) {
  const { t } = useTranslation();
  return (
    <table className="plain-table changes" aria-label={t("pipelines.plan.label")}>
      <thead>
        <tr>
          <th scope="col">{t("pipelines.plan.column.how")}</th>
          <th scope="col">{t("pipelines.plan.column.what")}</th>
          <th scope="col">{t("pipelines.plan.column.before")}</th>
          <th scope="col">{t("pipelines.plan.column.after")}</th>
        </tr>
      </thead>
      <tbody>
        {changes.map((change) => (
          <tr key={`${change.what} ${change.within} ${change.name} ${change.aspect} ${change.how}`}>
            <td>
              <Badge tone={TONES[change.how] ?? "plain"}>{t(`pipelines.plan.how.${change.how}`)}</Badge>
            </td>
            <th scope="row">
              <span className="soft">{t(`pipelines.plan.what.${change.what}`)}</span>{" "}
              {change.within ? `${change.within} ▸ ` : ""}
              {change.name}
              {change.aspect ? <Aspect name={change.aspect} /> : null}
            </th>
            <td className="changes-value">{shown(change.before)}</td>
            <td className="changes-value">{shown(change.after)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const ASPECTS = ["about", "use", "code", "conditions", "pipeline", "record", "with", "target", "text"] as const;

function Aspect({ name }: { name: string }) {
  const { t } = useTranslation();
  const known = ASPECTS.find((each) => each === name);
  return <span className="soft">: {known ? t(`pipelines.plan.aspects.${known}`) : name}</span>;
}

/** Long texts are told by the difference beside this; here they are cut. */
function shown(value: unknown): string {
  const text = value === null || value === undefined ? "" : written(value);
  return text.length > 200 ? `${text.slice(0, 200)} …` : text;
}
