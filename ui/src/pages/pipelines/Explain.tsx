// Which route a request would take, and why: a form that describes one, and luna's answer.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";

import { api, body } from "../../api/client";
import type { components } from "../../api/schema";
import { Button } from "../../parts/Button";
import { Failed, Loading } from "../../parts/Empty";
import { Field } from "../../parts/Field";
import { Explanation } from "./Explanation";
import { headersOf } from "./known";

const METHODS = ["POST", "GET", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"];
const PATHS = ["/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/completions", "/v1/models"];

export function Explain({ data }: { data: components["schemas"]["PipelinesView"] }) {
  const { t } = useTranslation();
  // What may be shared is in the address; headers and body may hold a secret, and are not.
  const [asked, ask] = useSearchParams();
  const method = asked.get("method") ?? "POST";
  const path = asked.get("path") ?? "";
  const model = asked.get("model") ?? "";
  const [headers, setHeaders] = useState("");
  const [text, setText] = useState("");
  const [sent, setSent] = useState<{ headers: Record<string, string>; text: string }>({ headers: {}, text: "" });

  const read = headersOf(headers);
  const answer = useQuery({
    queryKey: ["explain", method, path, model, sent, data.version],
    queryFn: ({ signal }) =>
      body(
        api.POST("/api/explain", {
          body: {
            method,
            path,
            headers: sent.headers,
            body: sent.text === "" ? null : sent.text,
            model: model || null,
            stream: null,
            tools: null,
            size: null,
          },
          signal,
        }),
      ),
    enabled: path !== "",
  });

  function submit(form: FormData): void {
    if (typeof read === "number") return;
    const field = (name: string) => {
      const value = form.get(name);
      return typeof value === "string" ? value.trim() : "";
    };
    setSent({ headers: read, text: text.trim() });
    ask({ view: "explain", method: field("method"), path: field("path"), model: field("model") }, { replace: true });
  }

  return (
    <div className="explain">
      <form
        className="card"
        onSubmit={(event) => {
          event.preventDefault();
          submit(new FormData(event.currentTarget));
        }}
      >
        <p className="soft">{t("pipelines.explain.about")}</p>
        <div className="explain-line">
          <Field label={t("pipelines.explain.method")}>
            {(field) => (
              <select {...field} name="method" defaultValue={method}>
                {METHODS.map((name) => (
                  <option key={name}>{name}</option>
                ))}
              </select>
            )}
          </Field>
          <Field label={t("pipelines.explain.path")} about={t("pipelines.explain.pathAbout")}>
            {(field) => <input {...field} name="path" list="explain-paths" defaultValue={path || PATHS[0]} required />}
          </Field>
        </div>
        <datalist id="explain-paths">
          {PATHS.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        <Field label={t("pipelines.explain.model")} about={t("pipelines.explain.modelAbout")}>
          {(field) => <input {...field} name="model" defaultValue={model} autoComplete="off" />}
        </Field>
        <Field
          label={t("pipelines.explain.headers")}
          about={t("pipelines.explain.headersAbout")}
          problem={typeof read === "number" ? t("pipelines.explain.headersWrong", { line: read }) : ""}
        >
          {(field) => (
            <textarea {...field} value={headers} onChange={(event) => setHeaders(event.target.value)} rows={3} />
          )}
        </Field>
        <Field label={t("pipelines.explain.body")} about={t("pipelines.explain.bodyAbout")}>
          {(field) => <textarea {...field} value={text} onChange={(event) => setText(event.target.value)} rows={6} />}
        </Field>
        <div className="row">
          <Button primary type="submit">
            {t("pipelines.explain.ask")}
          </Button>
        </div>
      </form>
      <section aria-label={t("pipelines.explain.result")} aria-live="polite">
        {answer.data ? (
          <Explanation answer={answer.data} />
        ) : answer.error ? (
          <Failed error={answer.error} />
        ) : path ? (
          <Loading />
        ) : null}
      </section>
    </div>
  );
}
