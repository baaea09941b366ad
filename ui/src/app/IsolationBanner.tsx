// Says on every page what a person must not overlook: that requests leave by other ways than usual, or not at all.
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { useEgress, useFreshEgress, type Egress } from "../pages/network/network";
import "./banner.css";

export function IsolationBanner() {
  const egress = useEgress();
  useFreshEgress();
  return <div role="status">{egress.data ? <Banner egress={egress.data} /> : null}</div>;
}

function Banner({ egress }: { egress: Egress }) {
  const { t } = useTranslation();
  const closed = egress.ways.filter((way) => !way.open).length;
  const forwarded = egress.ways.filter((way) => way.workerId);
  const workers = [...new Set(forwarded.map((way) => way.workerId))].sort().join(", ");
  if (!egress.isolated && closed === 0 && forwarded.length === 0) return null;
  const loose = egress.fallbackToDirect && !egress.strict;
  return (
    <p className="banner" data-tone={closed > 0 ? "bad" : "info"}>
      {egress.isolated ? `${loose ? t("network.banner.isolatedLoose") : t("network.banner.isolated")} ` : null}
      {closed > 0 ? `${t("network.banner.closed", { count: closed })} ` : null}
      {forwarded.length > 0 ? `${t("network.banner.forwarded", { count: forwarded.length, workers })} ` : null}
      <Link to="/network">{t("network.banner.look")}</Link>
    </p>
  );
}
