// The page of the configuration: what is in force, what is wrong on disk, and the four ways to look at it.
import { useTranslation } from "react-i18next";
import { useNavigate, useSearchParams } from "react-router";

import { Failed, Loading } from "../../parts/Empty";
import { Page } from "../../parts/Page";
import { Tabs } from "../../parts/Tabs";
import { Time } from "../../parts/Time";
import { Broken } from "./Broken";
import { useFileChanges, usePipelines, useStatus } from "./data";
import { Explain } from "./Explain";
import { Files } from "./Files";
import { Overview } from "./Overview";
import { Routes } from "./Routes";
import "./pipelines.css";

const VIEWS = ["graph", "routes", "files", "explain"] as const;

export default function Pipelines() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [asked] = useSearchParams();
  const pipelines = usePipelines();
  const status = useStatus();
  useFileChanges();

  const view = VIEWS.find((name) => name === asked.get("view")) ?? "graph";
  const failure = pipelines.error ?? status.error;
  if (failure) {
    const again = () => void Promise.all([pipelines.refetch(), status.refetch()]);
    return (
      <Page title={t("shell.pages.pipelines")}>
        <Failed error={failure} onRetry={again} />
      </Page>
    );
  }
  const data = pipelines.data;
  const now = status.data;
  if (!data || !now) {
    return (
      <Page title={t("shell.pages.pipelines")}>
        <Loading />
      </Page>
    );
  }
  return (
    <Page
      title={t("shell.pages.pipelines")}
      actions={
        <p className="soft" role="status">
          {t("pipelines.version", { version: now.version })}, {t("pipelines.since")} <Time at={now.since} />
        </p>
      }
    >
      <Broken status={now} />
      <Tabs
        label={t("pipelines.views.label")}
        chosen={view}
        onChoose={(name) => void navigate(name === "graph" ? "/pipelines" : `/pipelines?view=${name}`)}
        tabs={[
          { id: "graph", name: t("pipelines.views.graph"), content: <Overview data={data} /> },
          { id: "routes", name: t("pipelines.views.routes"), content: <Routes data={data} /> },
          { id: "files", name: t("pipelines.views.files"), content: <Files data={data} /> },
          { id: "explain", name: t("pipelines.views.explain"), content: <Explain data={data} /> },
        ]}
      />
    </Page>
  );
}
