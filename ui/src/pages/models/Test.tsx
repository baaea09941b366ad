// Whether a model answers: one tiny completion by the same way that clients take.
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { duration } from "../../parts/Time";
import { ask, begun, headerOf, type Exchange } from "../playground/ask";
import { BEGINNING, type Draft, type Turn } from "../playground/draft";
import { useProxyKey } from "../playground/key";
import { requestOf } from "../playground/request";

const QUESTION: Turn = { role: "user", text: "Reply with one word: ready", pictures: [] };
/** Characters shown of what it said. */
const SHOWN = 240;

export function Test({ model }: { model: string }) {
  const { t } = useTranslation();
  const proxy = useProxyKey();
  const [exchange, setExchange] = useState<Exchange | null>(null);
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);
  const busy = exchange?.state === "asking" || exchange?.state === "answering";

  async function test(): Promise<void> {
    const draft: Draft = { ...BEGINNING, model, thinking: "fast", maxTokens: "16" };
    const begin = begun(requestOf(draft, [QUESTION], { proxy, admin: "" }), "openai");
    running.current = new AbortController();
    setExchange(begin);
    setExchange(await ask(begin, running.current.signal));
  }

  const flow = headerOf(exchange, "x-luna-flow");
  return (
    <div className="models-test">
      <Button disabled={busy} aria-label={t("models.testOf", { model })} onClick={() => void test()}>
        {busy ? t("models.testing") : t("models.test")}
      </Button>
      <div role="status">
        {exchange && !busy ? (
          <>
            <Badge tone={exchange.state === "done" ? "good" : "bad"}>
              {exchange.state === "done"
                ? t("models.answered", { first: duration(exchange.times.first), total: duration(exchange.times.end) })
                : t("models.refused")}
            </Badge>{" "}
            <span>{(exchange.answer.trouble?.message ?? exchange.answer.text).slice(0, SHOWN)}</span>{" "}
            {flow ? <Link to={`/flows/${flow}`}>{t("playground.toFlow")}</Link> : null}
          </>
        ) : null}
      </div>
    </div>
  );
}
