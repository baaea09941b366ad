// The tabs that show what was sent: by the client, to Qwen, by Qwen, to the client.
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";

import type { components } from "../../api/schema";
import { Badge } from "../../parts/Badge";
import { Copy } from "../../parts/Copy";
import { Empty } from "../../parts/Empty";
import { Field } from "../../parts/Field";
import { bytes } from "../../parts/Time";
import { BodyView } from "./BodyView";
import type { Face } from "./detail";
import { Pieces } from "./Pieces";
import { shortened } from "./waterfall";

type Recording = components["schemas"]["RecordingView"];

interface Props {
  flow: string;
  recording: Recording;
}

function Headers({ headers }: { headers: Face["headers"] }) {
  const { t } = useTranslation();
  if (headers.length === 0) return null;
  return (
    <details className="headers">
      <summary>{t("flows.face.headers", { count: headers.length })}</summary>
      <Copy text={headers.map(({ name, value }) => `${name}: ${value}`).join("\n")} />
      <dl>
        {headers.map(({ name, value }, at) => (
          <div key={`${at} ${name}`}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

/** Says what a recording does not hold. */
export function Incomplete({ recording }: { recording: Recording }) {
  const { t } = useTranslation();
  return (
    <>
      {recording.truncated ? (
        <p className="flows-warning">{t("flows.face.truncated", { left: bytes(recording.leftOut) })}</p>
      ) : null}
      {recording.fault ? <p className="flows-warning">{t("flows.face.fault", { fault: recording.fault })}</p> : null}
    </>
  );
}

function Request({ flow, face }: { flow: string; face: Face }) {
  const { t } = useTranslation();
  return (
    <div className="face">
      <p className="face-line mono">
        {face.line} <Copy text={face.line} />
      </p>
      <Headers headers={face.headers} />
      <BodyView key={face.name} flow={flow} face={face.name} size={face.size} label={t("flows.face.body")} />
    </div>
  );
}

function Response({ flow, face }: { flow: string; face: Face }) {
  const { t } = useTranslation();
  const [whole, setWhole] = useState(face.pieces <= 1);
  if (!face.line) return <p className="soft">{t("flows.face.unanswered")}</p>;
  const views = [
    [false, t("flows.face.pieces")],
    [true, t("flows.face.whole")],
  ] as const;
  return (
    <div className="face">
      <div className="row">
        <span className="face-line mono">{t("flows.face.status", { status: face.line })}</span>
        {face.ending ? (
          <Badge tone={face.ending === "broken" ? "bad" : "plain"}>
            {t(`flows.face.ending.${face.ending as "complete" | "closed" | "broken"}`)}
          </Badge>
        ) : null}
        {face.problem ? <span className="field-problem">{face.problem}</span> : null}
        <span className="face-choice">
          {views.map(([value, name]) => (
            <button key={name} type="button" aria-pressed={whole === value} onClick={() => setWhole(value)}>
              {name}
            </button>
          ))}
        </span>
      </div>
      <Headers headers={face.headers} />
      {whole ? (
        <BodyView flow={flow} face={face.name} size={face.size} label={t("flows.face.body")} />
      ) : (
        <Pieces flow={flow} face={face.name} label={t("flows.face.pieces")} />
      )}
    </div>
  );
}

export function ClientRequest({ flow, recording }: Props) {
  return recording.client ? <Request flow={flow} face={recording.client} /> : null;
}

export function ClientAnswer({ flow, recording }: Props) {
  const { t } = useTranslation();
  if (recording.answer) return <Response key={flow} flow={flow} face={recording.answer} />;
  return (
    <Empty title={t("flows.missing.noAnswer")}>
      <p>{t("flows.missing.noAnswerAbout")}</p>
    </Empty>
  );
}

/** One of the exchanges; which one stands in the address. Unasked it is the one with the longest answer. */
export function Upstream({ flow, recording, side }: Props & { side: "request" | "response" }) {
  const { t } = useTranslation();
  const [search, setSearch] = useSearchParams();
  const { exchanges } = recording;
  const longest = exchanges.reduce((best, one, at) => {
    return one.response.size > (exchanges[best]?.response.size ?? -1) ? at : best;
  }, 0);
  const asked = exchanges.findIndex(({ number }) => String(number) === search.get("x"));
  const shown = exchanges[asked === -1 ? longest : asked];
  if (!shown) {
    return (
      <Empty title={t("flows.missing.noExchange")}>
        <p>{t("flows.missing.noExchangeAbout")}</p>
      </Empty>
    );
  }
  return (
    <div className="face">
      {exchanges.length > 1 ? (
        <Field label={t("flows.face.exchange")}>
          {(field) => (
            <select
              {...field}
              value={shown.number}
              onChange={(event) =>
                setSearch(
                  (now) => {
                    now.set("x", event.target.value);
                    return now;
                  },
                  { replace: true },
                )
              }
            >
              {exchanges.map(({ number, request, response }) => (
                <option key={number} value={number}>
                  {number}. {shortened(request.line)} {response.line ? `→ ${response.line}` : ""}
                </option>
              ))}
            </select>
          )}
        </Field>
      ) : null}
      {side === "request" ? (
        <Request flow={flow} face={shown.request} />
      ) : (
        <Response key={`${flow} ${shown.number}`} flow={flow} face={shown.response} />
      )}
    </div>
  );
}
