// The page of the network: how accounts leave, the profiles and the workers. Which dialog is open stands in the URL.
import { useTranslation } from "react-i18next";

import { useAddress } from "../../parts/address";
import { Page } from "../../parts/Page";
import { Isolation } from "./Isolation";
import { Profiles } from "./Profiles";
import { Workers } from "./Workers";
import { useFreshNetwork } from "./network";
import "./network.css";

export default function Network() {
  const { t } = useTranslation();
  const [search, change] = useAddress();
  useFreshNetwork();

  return (
    <Page title={t("shell.pages.network")}>
      <Isolation />
      <Profiles open={search.get("profile") ?? ""} onOpen={(id) => change({ profile: id })} />
      <Workers open={search.get("worker") ?? ""} onOpen={(id) => change({ worker: id })} />
    </Page>
  );
}
