// The settings: what luna may be told while it runs, who may use it, what it keeps, and who changed what.
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";

import { Page } from "../../parts/Page";
import { Tabs } from "../../parts/Tabs";
import { Access } from "./Access";
import { AllSettings } from "./AllSettings";
import { AuditList } from "./AuditList";
import { Storage } from "./Storage";
import "./settings.css";

export default function Settings() {
  const { t } = useTranslation();
  const [query, setQuery] = useSearchParams();
  const tabs = [
    { id: "settings", name: t("settings.tabs.settings"), content: <AllSettings /> },
    { id: "access", name: t("settings.tabs.access"), content: <Access /> },
    { id: "storage", name: t("settings.tabs.storage"), content: <Storage /> },
    { id: "audit", name: t("settings.tabs.audit"), content: <AuditList /> },
  ];
  const wanted = query.get("tab") ?? "";
  return (
    <Page title={t("shell.pages.settings")}>
      <Tabs
        label={t("settings.tabs.label")}
        tabs={tabs}
        chosen={tabs.some((tab) => tab.id === wanted) ? wanted : "settings"}
        onChoose={(id) => setQuery(id === "settings" ? {} : { tab: id })}
      />
    </Page>
  );
}
