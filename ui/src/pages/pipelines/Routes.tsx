// Which request takes which pipeline: the routes and the aliases, in the order in which they are tried.
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import type { components } from "../../api/schema";
import { addressOf, written, type Route } from "./data";

export function Routes({ data }: { data: components["schemas"]["PipelinesView"] }) {
  const { t } = useTranslation();
  return (
    <div className="page">
      <p className="soft">{t("pipelines.routes.about")}</p>
      <Scrolling label={t("pipelines.routes.label")}>
        <table className="plain-table" aria-label={t("pipelines.routes.label")}>
          <thead>
            <tr>
              <th scope="col">{t("pipelines.routes.name")}</th>
              <th scope="col">{t("pipelines.routes.when")}</th>
              <th scope="col">{t("pipelines.routes.pipeline")}</th>
              <th scope="col">{t("pipelines.routes.own")}</th>
              <th scope="col">{t("pipelines.routes.record")}</th>
              <th scope="col">
                <span className="visually-hidden">{t("common.edit")}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {data.routes.map((route) => (
              <RouteRow key={route.name} route={route} />
            ))}
          </tbody>
        </table>
      </Scrolling>
      <h2>{t("pipelines.routes.aliases")}</h2>
      {data.aliases.length > 0 ? (
        <Scrolling label={t("pipelines.routes.aliasesLabel")}>
          <table className="plain-table" aria-label={t("pipelines.routes.aliasesLabel")}>
            <thead>
              <tr>
                <th scope="col">{t("pipelines.routes.model")}</th>
                <th scope="col">{t("pipelines.routes.target")}</th>
              </tr>
            </thead>
            <tbody>
              {data.aliases.map((alias) => (
                <tr key={alias.model.join(" ")}>
                  <td>
                    <code>{alias.model.join(", ")}</code>
                  </td>
                  <td>
                    <code>{alias.target}</code>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scrolling>
      ) : (
        <p className="soft">{t("pipelines.routes.noAliases")}</p>
      )}
    </div>
  );
}

function Scrolling({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls where the page is narrow
    <div className="scroll-x" tabIndex={0} role="group" aria-label={label}>
      {children}
    </div>
  );
}

function RouteRow({ route }: { route: Route }) {
  const { t } = useTranslation();
  const record = route.record as "off" | "errors" | "all";
  return (
    <tr>
      <th scope="row">{route.name}</th>
      <td>{route.when}</td>
      <td>
        <Link to={`/pipelines/${encodeURIComponent(route.pipeline)}`}>{route.pipeline}</Link>
      </td>
      <td>
        {route.overrides.length > 0
          ? route.overrides.map((own) => (
              <div key={`${own.stage}.${own.option}`}>
                {t("pipelines.routes.instead", {
                  stage: own.stage,
                  option: own.option,
                  value: written(own.value),
                  instead: written(own.instead),
                })}
              </div>
            ))
          : "–"}
      </td>
      <td>{t(`pipelines.records.${record}`)}</td>
      <td>
        {route.place ? (
          <Link to={addressOf(route.place)} aria-label={t("pipelines.routes.edit", { name: route.name })}>
            {t("common.edit")}
          </Link>
        ) : null}
      </td>
    </tr>
  );
}
