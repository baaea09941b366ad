// One line, whole: its words, its fields, its traceback, and the way to the flow that it is about.
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Block } from "../../parts/Copy";
import { Dialog } from "../../parts/Dialog";
import { Time } from "../../parts/Time";
import type { Line } from "./lines";
import { TONES } from "./LogTable";

interface Props {
  line: Line | undefined;
  onClose: () => void;
  onFlow: (flow: string) => void;
}

export function LineDetail({ line, onClose, onFlow }: Props) {
  const { t } = useTranslation();
  const { traceback, ...fields } = line?.fields ?? {};
  const flow = line?.flow;
  return (
    <Dialog side title={t("logs.detail")} open={line !== undefined} onClose={onClose}>
      {line ? (
        <>
          <dl className="logs-facts">
            <dt>{t("logs.columns.time")}</dt>
            <dd>
              <Time at={line.timestamp} />
            </dd>
            <dt>{t("logs.columns.level")}</dt>
            <dd>
              <Badge tone={TONES[line.level] ?? "plain"}>{line.level}</Badge>
            </dd>
            <dt>{t("logs.columns.from")}</dt>
            <dd>
              <code>{line.logger}</code>
            </dd>
            {flow ? (
              <>
                <dt>{t("logs.flow")}</dt>
                <dd className="row">
                  <Link to={`/flows/${flow}`}>
                    <code>{flow}</code>
                  </Link>
                  <Button quiet onClick={() => onFlow(flow)}>
                    {t("logs.onlyFlow")}
                  </Button>
                </dd>
              </>
            ) : null}
          </dl>
          <Block label={t("logs.columns.message")} text={line.message} />
          {Object.keys(fields).length > 0 ? (
            <Block label={t("logs.fields")} text={JSON.stringify(fields, null, 2)} />
          ) : null}
          {typeof traceback === "string" ? <Block label={t("logs.traceback")} text={traceback} /> : null}
        </>
      ) : null}
    </Dialog>
  );
}
