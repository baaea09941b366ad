// What is new in what Qwen sends: each shape once, with the flow that saw it first, until somebody has taken note of it.
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Empty, Failed, Loading } from "../../parts/Empty";
import { Page } from "../../parts/Page";
import { Time } from "../../parts/Time";
import { useToast } from "../../parts/Toast";
import { useDrift, useMarkKnown, type Finding } from "./drift";
import "./drift.css";

export default function Drift() {
  const { t } = useTranslation();
  const { data, error, refetch } = useDrift();
  const mark = useMarkKnown();
  const say = useToast();
  const note = (ids?: string[]) =>
    mark.mutate(ids, {
      onSuccess: ({ marked }) => say.done(t("drift.marked", { count: marked })),
      onError: say.failed,
    });
  const actions =
    data && data.open > 0 ? (
      <Button disabled={mark.isPending} onClick={() => note()}>
        {t("drift.markAll")}
      </Button>
    ) : null;
  return (
    <Page title={t("drift.title")} actions={actions}>
      <p className="soft">{t("drift.about")}</p>
      {error && !data ? <Failed error={error} onRetry={() => void refetch()} /> : null}
      {!data && !error ? <Loading /> : null}
      {data?.findings.length === 0 ? (
        <Empty title={t("drift.emptyTitle")}>
          <p>{t("drift.emptyAbout")}</p>
        </Empty>
      ) : null}
      {data && data.findings.length > 0 ? (
        <div className="scroll-x card">
          <table className="plain-table drift-table">
            <caption className="visually-hidden">{t("drift.title")}</caption>
            <thead>
              <tr>
                <th scope="col">{t("drift.when")}</th>
                <th scope="col">{t("drift.what")}</th>
                <th scope="col">{t("drift.where")}</th>
                <th scope="col">{t("drift.flow")}</th>
                <th scope="col">{t("drift.state")}</th>
              </tr>
            </thead>
            <tbody>
              {data.findings.map((one) => (
                <Row key={one.id} finding={one} busy={mark.isPending} onKnown={() => note([one.id])} />
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </Page>
  );
}

function Row({ finding, busy, onKnown }: { finding: Finding; busy: boolean; onKnown: () => void }) {
  const { t } = useTranslation();
  return (
    <tr>
      <td>
        <Time at={finding.at} />
      </td>
      <td>
        {t(`drift.kinds.${finding.kind}`)}{" "}
        <code>
          {finding.name}
          {finding.kind === "field" ? `: ${finding.type}` : ""}
        </code>
      </td>
      <td>
        <code>{finding.place}</code>
      </td>
      <td>
        {finding.flow ? (
          <Link to={`/flows/${finding.flow}`}>
            <code>{finding.flow}</code>
          </Link>
        ) : (
          t("drift.noFlow")
        )}
      </td>
      <td>
        {finding.known ? (
          <Badge tone="good">{t("drift.known")}</Badge>
        ) : (
          <Button disabled={busy} aria-label={t("drift.markOne", { name: finding.name })} onClick={onKnown}>
            {t("drift.mark")}
          </Button>
        )}
      </td>
    </tr>
  );
}
