// One batch: the bytes that caused it, what each stage made of it, the bytes that it became.
import { useTranslation } from "react-i18next";

import { Badge } from "../../../parts/Badge";
import { Failed, Loading } from "../../../parts/Empty";
import { bytes } from "../../../parts/Time";
import { exact } from "./exact";
import { useStory } from "./useInspect";

export function Story({
  id,
  n,
  at,
  onBoundary,
}: {
  id: string;
  n: number;
  at: string;
  onBoundary: (name: string) => void;
}) {
  const { t } = useTranslation();
  const query = useStory(id, n);
  if (query.error) return <Failed error={query.error} onRetry={() => void query.refetch()} />;
  if (query.isPending) return <Loading />;
  const { reads, sends, steps, cause, causeSize, effect, effectSize, exchange, offset, later, atMs } = query.data;
  const from = reads[0]?.number;
  const to = reads.at(-1)?.number ?? 0;
  return (
    <section
      className="inspect-story"
      aria-label={t("inspect.story", { n: query.data.n })}
      aria-busy={query.isPlaceholderData}
    >
      <h3 aria-live="polite">
        {t("inspect.story", { n: query.data.n })} <span className="soft">{exact(atMs)}</span>
      </h3>
      <h4>
        {t("inspect.cause")}{" "}
        <span className="soft">
          {from === undefined
            ? t("inspect.noCause")
            : t("inspect.causeOf", { exchange, from, to, offset, size: bytes(causeSize) })}
        </span>
      </h4>
      {cause ? <Bytes text={cause} label={t("inspect.cause")} /> : null}
      <h4>{t("inspect.became")}</h4>
      <ol className="inspect-steps">
        {steps.map(({ boundary, changed, events }) => (
          <li key={boundary} aria-current={boundary === at ? "step" : undefined}>
            <button type="button" className="inspect-step" onClick={() => onBoundary(boundary)}>
              <code>{boundary}</code>
              {changed ? <Badge tone="info">{t("inspect.changed")}</Badge> : null}
              {events.length === 0 ? <span className="soft">{t("inspect.nothing")}</span> : null}
            </button>
            {changed || boundary === at || boundary === steps[0]?.boundary ? (
              <ul>
                {events.map((event, index) => (
                  <li key={`${index} ${event.slice(0, 20)}`}>
                    <code>{event}</code>
                  </li>
                ))}
              </ul>
            ) : null}
          </li>
        ))}
      </ol>
      <h4>
        {t("inspect.effect")}{" "}
        <span className="soft">
          {sends.length > 0
            ? t("inspect.effectOf", {
                from: sends[0]?.number ?? 0,
                to: sends.at(-1)?.number ?? 0,
                size: bytes(effectSize),
              })
            : later > 0
              ? t("inspect.later", { number: later })
              : t("inspect.noEffect")}
        </span>
      </h4>
      {effect ? <Bytes text={effect} label={t("inspect.effect")} /> : null}
    </section>
  );
}

function Bytes({ text, label }: { text: string; label: string }) {
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, so the keyboard must reach it
    <pre className="inspect-bytes" tabIndex={0} role="region" aria-label={label}>
      {text}
    </pre>
  );
}
