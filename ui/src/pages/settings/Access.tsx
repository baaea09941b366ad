// Who may use luna and how it is reached: addresses, keys, and what to write into each client.
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { api, body } from "../../api/client";
import { useAddress } from "../../parts/address";
import { Badge } from "../../parts/Badge";
import { Block, Copy } from "../../parts/Copy";
import { Field } from "../../parts/Field";
import { clients } from "./clients";
import { useConfig } from "./config";
import { Keys } from "./Keys";

const KEY = "YOUR_KEY";

export function Access() {
  return (
    <div className="settings-cards">
      <Addresses />
      <Keys />
      <Clients />
    </div>
  );
}

function Addresses() {
  const { t } = useTranslation();
  const config = useConfig();
  const origin = location.origin;
  const proxy = config.data?.proxy;
  const source = config.data?.sources["proxy.port"] ?? "default";
  const known = (["default", "environment", "flag"] as const).find((one) => one === source);
  return (
    <section className="card">
      <h2>{t("settings.access.addresses")}</h2>
      <dl className="settings-addresses">
        <Address name={t("settings.access.openai")} value={`${origin}/v1`} />
        <Address name={t("settings.access.anthropic")} value={origin} />
        <Address name={t("settings.access.header")} value={`Authorization: Bearer ${KEY}`} />
        <dt className="visually-hidden">{t("settings.access.header")}</dt>
        <dd className="soft">{t("settings.access.headerAbout")}</dd>
        {proxy ? (
          <>
            <dt>{t("settings.access.listens")}</dt>
            <dd>
              <code>
                {proxy.host}:{proxy.port}
              </code>{" "}
              <Badge>{known ? t(`settings.source.${known}`) : source}</Badge>
              <p className="soft">{t("settings.access.listensAbout")}</p>
            </dd>
          </>
        ) : null}
      </dl>
    </section>
  );
}

function Address({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>
        <code>{value}</code> <Copy text={value} />
      </dd>
    </>
  );
}

function Clients() {
  const { t } = useTranslation();
  const [query, change] = useAddress();
  const models = useQuery({ queryKey: ["models"], queryFn: () => body(api.GET("/api/models")) });
  const ids = models.data?.items.map((item) => item.id) ?? [];
  const model = query.get("model") ?? ids[0] ?? "qwen3.7-plus";
  const chosen = clients.find((client) => client.id === query.get("client")) ?? clients[0];

  return (
    <section className="card">
      <h2>{t("settings.access.clients")}</h2>
      <div className="settings-two">
        <Field label={t("settings.access.client")}>
          {(field) => (
            <select {...field} value={chosen?.id} onChange={(event) => change({ client: event.target.value })}>
              {clients.map((client) => (
                <option key={client.id} value={client.id}>
                  {client.name}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label={t("settings.access.model")}>
          {(field) => (
            <select {...field} value={model} onChange={(event) => change({ model: event.target.value })}>
              {(ids.includes(model) ? ids : [model, ...ids]).map((id) => (
                <option key={id}>{id}</option>
              ))}
            </select>
          )}
        </Field>
      </div>
      <p className="soft">{t("settings.access.keyAbout")}</p>
      {chosen?.snippets({ origin: location.origin, model, key: KEY }).map((snippet) => (
        <Block key={snippet.title} label={snippet.title} text={snippet.text} />
      ))}
    </section>
  );
}
