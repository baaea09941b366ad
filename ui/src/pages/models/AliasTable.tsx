// The names that stand for another one, in the order in which they are tried.
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import type { components } from "../../api/schema";
import { Badge } from "../../parts/Badge";

type Alias = components["schemas"]["AliasEntry"];

export function AliasTable({ aliases }: { aliases: readonly Alias[] }) {
  const { t } = useTranslation();
  return (
    <section className="card">
      <div className="models-head">
        <h2>{t("models.aliases")}</h2>
        <Link to="/pipelines?view=files&file=routes.yaml">{t("models.editAliases")}</Link>
      </div>
      <p className="soft">{t("models.aliasesAbout")}</p>
      <div className="scroll-x">
        <table className="plain-table">
          <caption className="visually-hidden">{t("models.aliases")}</caption>
          <thead>
            <tr>
              <th scope="col">{t("models.names")}</th>
              <th scope="col">{t("models.standsFor")}</th>
              <th scope="col">{t("models.answers")}</th>
              <th scope="col">{t("models.from")}</th>
            </tr>
          </thead>
          <tbody>
            {aliases.map((alias) => (
              <tr key={`${alias.names.join(" ")} ${alias.target}`}>
                <td>
                  {alias.names.map((name) => (
                    <code key={name} className="models-alias">
                      {name}
                    </code>
                  ))}
                </td>
                <td>
                  <code>{alias.target}</code>
                </td>
                <td>
                  {alias.modelId ? <code>{alias.modelId}</code> : <Badge tone="warn">{t("models.notListed")}</Badge>}
                </td>
                <td>{alias.origin === "routes" ? "routes.yaml" : "luna"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
