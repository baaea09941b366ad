// The page of the network: how accounts leave, the profiles and the workers. Which dialog is open stands in the URL.
import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";

import { Page } from "../../parts/Page";
import { Isolation } from "./Isolation";
import { Profiles } from "./Profiles";
import { Workers } from "./Workers";
import { useFreshNetwork } from "./network";
import "./network.css";

export default function Network() {
  const { t } = useTranslation();
  const [search, setSearch] = useSearchParams();
  useFreshNetwork();

  const open = useCallback(
    (name: "profile" | "worker", id: string) =>
      setSearch(
        (before) => {
          const after = new URLSearchParams(before);
          if (id) after.set(name, id);
          else after.delete(name);
          return after;
        },
        { replace: true },
      ),
    [setSearch],
  );

  return (
    <Page title={t("shell.pages.network")}>
      <Isolation />
      <Profiles open={search.get("profile") ?? ""} onOpen={(id) => open("profile", id)} />
      <Workers open={search.get("worker") ?? ""} onOpen={(id) => open("worker", id)} />
    </Page>
  );
}
