// How accounts leave now: the rules, the way of each account, and this machine's own address.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { api, body } from "../../api/client";
import type { components } from "../../api/schema";
import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Failed, Loading } from "../../parts/Empty";
import { AccountName } from "../accounts/AccountName";
import { Scroll } from "./Scroll";
import { DIRECT, useEgress, useFreshEgress, useProfiles, type Egress } from "./network";

type WayView = components["schemas"]["WayView"];

export function Isolation() {
  const { t } = useTranslation();
  const egress = useEgress();
  useFreshEgress();
  return (
    <section className="card" aria-labelledby="isolation">
      <h2 id="isolation">{t("network.isolation.title")}</h2>
      {egress.isPending ? <Loading /> : null}
      {egress.error ? <Failed error={egress.error} onRetry={() => void egress.refetch()} /> : null}
      {egress.data ? (
        <>
          <Rules egress={egress.data} />
          <Ways ways={egress.data.ways} />
        </>
      ) : null}
      <OwnAddress />
    </section>
  );
}

function Rules({ egress }: { egress: Egress }) {
  const { t } = useTranslation();
  return (
    <div className="network-rules" data-on={egress.isolated || undefined}>
      <p>{egress.isolated ? t("network.isolation.on") : t("network.isolation.off")}</p>
      {egress.isolated && egress.strict ? <p>{t("network.isolation.strict")}</p> : null}
      {egress.isolated && !egress.strict && egress.fallbackToDirect ? <p>{t("network.isolation.fallback")}</p> : null}
      <p>
        <Link to="/settings">{t("network.isolation.settings")}</Link>
      </p>
    </div>
  );
}

function Ways({ ways }: { ways: readonly WayView[] }) {
  const { t } = useTranslation();
  if (ways.length === 0) return <p className="soft">{t("network.isolation.empty")}</p>;
  return (
    <Scroll label={t("network.isolation.title")}>
      <table className="plain-table">
        <thead>
          <tr>
            <th scope="col">{t("network.isolation.account")}</th>
            <th scope="col">{t("network.isolation.state")}</th>
            <th scope="col">{t("network.isolation.way")}</th>
            <th scope="col">{t("network.isolation.ip")}</th>
          </tr>
        </thead>
        <tbody>
          {ways.map((way) => (
            <tr key={way.accountId}>
              <th scope="row">
                <AccountName id={way.accountId} />
              </th>
              <td>
                <Badge tone={way.open ? "good" : "bad"}>
                  {way.open ? t("network.isolation.open") : t("network.isolation.closed")}
                </Badge>
              </td>
              <td>{way.open ? <Way way={way} /> : way.reason}</td>
              <td className="mono">{way.ip || "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Way({ way }: { way: WayView }) {
  const { t } = useTranslation();
  const said = [
    way.workerId ? t("network.isolation.byWorker", { worker: way.workerId }) : "",
    way.networkProfileId ? t("network.isolation.byProfile", { profile: way.networkProfileId }) : "",
  ].filter(Boolean);
  return <>{said.join(", ") || t("network.isolation.direct")}</>;
}

function OwnAddress() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const profiles = useProfiles();
  const [asked, setAsked] = useState(0);
  const address = useQuery({
    queryKey: ["direct-ip", asked],
    queryFn: async () => {
      const found = await body(api.GET("/api/egress/direct-ip"));
      await client.invalidateQueries({ queryKey: ["network-profiles"] });
      return found;
    },
    enabled: asked > 0,
    staleTime: Infinity,
    refetchOnWindowFocus: false,
  });
  const known = profiles.data?.find((profile) => profile.id === DIRECT)?.lastVerifiedIp;
  const ip = address.data?.ip || known;
  return (
    <div className="row">
      <h3>{t("network.direct.title")}</h3>
      <span role="status">
        {address.data?.error ||
          address.error?.message ||
          (ip ? t("network.direct.is", { ip }) : t("network.direct.unknown"))}
      </span>
      <Button disabled={address.isFetching} onClick={() => setAsked(asked + 1)}>
        {address.isFetching ? t("network.direct.asking") : t("network.direct.ask")}
      </Button>
    </div>
  );
}
