// One session: where it stands, what was said, and what can be done with it.
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { Button } from "../../parts/Button";
import { Confirm } from "../../parts/Dialog";
import { Field } from "../../parts/Field";
import { Time } from "../../parts/Time";
import { acts, useAct, wordsOf, type Detail } from "./sessions";

export function SessionDetail({ session, onGone }: { session: Detail; onGone: () => void }) {
  const { t } = useTranslation();
  const act = useAct();
  const known = session.title ?? "";
  const [title, setTitle] = useState(known);
  const { id } = session;
  const said = session.messages.length;

  return (
    <div className="session">
      <form
        className="session-title"
        onSubmit={(event) => {
          event.preventDefault();
          void act.run(() => acts.rename(id, title));
        }}
      >
        <Field label={t("sessions.title")}>
          {(field) => (
            <input {...field} value={title} maxLength={200} onChange={(event) => setTitle(event.target.value)} />
          )}
        </Field>
        <Button type="submit" disabled={act.busy || title.trim() === "" || title === known}>
          {t("sessions.rename")}
        </Button>
      </form>
      <dl className="session-facts">
        <Fact name={t("sessions.id")} value={id} />
        <Fact name={t("sessions.thread")} value={session.threadId} />
        <Fact name={t("sessions.chat")} value={session.providerSessionId ?? ""} />
        <Fact name={t("sessions.reason")} value={session.resolveReason ?? ""} />
        <Fact name={t("sessions.tree")} value={t("sessions.treeAbout", { ...session.tree })} />
        <div>
          <dt>{t("sessions.flows")}</dt>
          <dd>
            <Link to={`/flows?filter=${encodeURIComponent(`~s ${id}`)}`}>{t("sessions.showFlows")}</Link>
          </dd>
        </div>
      </dl>
      <div className="row">
        <Button disabled={act.busy || said === 0} onClick={() => void act.run(() => acts.compact(id))}>
          {t("sessions.compact")}
        </Button>
        <Confirm
          label={t("sessions.reset")}
          title={t("sessions.reset")}
          about={t("sessions.resetAbout", { count: session.providerBindings.length })}
          confirm={t("sessions.reset")}
          onConfirm={() => act.run(() => acts.reset(id))}
        />
        <Confirm
          label={t("sessions.clear")}
          title={t("sessions.clear")}
          about={t("sessions.clearAbout", { count: session.messageCount })}
          confirm={t("sessions.clear")}
          onConfirm={() => act.run(() => acts.clear(id))}
        />
        <Confirm
          label={t("common.delete")}
          title={t("sessions.remove")}
          about={t("sessions.removeAbout", { count: session.messageCount })}
          confirm={t("sessions.remove")}
          onConfirm={() => act.run(() => acts.remove(id, false), true).then(onGone)}
        />
      </div>
      {session.providerBindings.length > 0 ? (
        <div className="scroll-x">
          <table className="plain-table">
            <caption className="visually-hidden">{t("sessions.bindings")}</caption>
            <thead>
              <tr>
                <th scope="col">{t("sessions.account")}</th>
                <th scope="col">{t("sessions.chat")}</th>
                <th scope="col">{t("sessions.answers")}</th>
                <th scope="col">{t("sessions.updated")}</th>
              </tr>
            </thead>
            <tbody>
              {session.providerBindings.map((one) => (
                <tr key={`${one.accountId} ${one.providerSessionId} ${one.subagentId}`}>
                  <td>{one.accountId}</td>
                  <td className="mono">{one.providerSessionId}</td>
                  <td>{one.answers}</td>
                  <td>
                    <Time at={one.updatedAt} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
      {session.summary ? (
        <section>
          <h3>{t("sessions.summary")}</h3>
          <p className="session-words">{session.summary}</p>
        </section>
      ) : null}
      <section>
        <h3>{t("sessions.said")}</h3>
        {said === 0 ? <p className="soft">{t("sessions.nothingSaid")}</p> : null}
        <ol className="session-said">
          {session.messages.map((one) => (
            <li key={one.id} data-role={one.role}>
              <div className="session-who">
                <strong>{one.role}</strong> <Time at={one.createdAt} />
                {one.runId ? <Link to={`/flows/${one.runId}`}>{t("sessions.flow")}</Link> : null}
              </div>
              <p className="session-words">{wordsOf(one)}</p>
            </li>
          ))}
        </ol>
      </section>
    </div>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return value ? (
    <div>
      <dt>{name}</dt>
      <dd className="mono">{value}</dd>
    </div>
  ) : null;
}
