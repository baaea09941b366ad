// A body of any size: only what can be seen of it is in the page.
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { Button } from "../../parts/Button";
import { Copy } from "../../parts/Copy";
import { Failed, Loading } from "../../parts/Empty";
import { bytes } from "../../parts/Time";
import { useBody, wholeBody } from "./detail";
import { linesOf } from "./lines";

const LINE = 19;
/** Characters that fit on a line, roughly; the true height is measured. */
const FIT = 90;

interface Props {
  flow: string;
  face: string;
  size: number;
  label: string;
}

export function BodyView({ flow, face, size, label }: Props) {
  const { t } = useTranslation();
  const [pretty, setPretty] = useState(true);
  const query = useBody(flow, face, pretty);
  const parts = query.data?.pages;
  const lines = useMemo(() => linesOf((parts ?? []).map(({ text }) => text)), [parts]);
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => LINE * Math.max(1, Math.ceil((lines[index]?.text.length ?? 0) / FIT)),
    overscan: 8,
  });
  if (size === 0) return <p className="soft">{t("flows.face.empty")}</p>;
  const last = parts?.at(-1);
  return (
    <figure className="body">
      <figcaption>
        <span>
          {label} <span className="soft">{bytes(size)}</span>
        </span>
        <span className="row">
          {pretty && parts?.[0]?.pretty !== true ? null : (
            <Button quiet aria-pressed={pretty} onClick={() => setPretty(!pretty)}>
              {pretty ? t("flows.face.raw") : t("flows.face.pretty")}
            </Button>
          )}
          <Copy text={() => wholeBody(flow, face)} label={t("flows.face.copyAll")} />
        </span>
      </figcaption>
      {query.error ? <Failed error={query.error} onRetry={() => void query.refetch()} /> : null}
      {query.isPending ? <Loading /> : null}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, so the keyboard must reach it */}
      <div className="body-text" ref={scroller} tabIndex={0} role="region" aria-label={label}>
        <div style={{ height: virtual.getTotalSize(), position: "relative" }}>
          {virtual.getVirtualItems().map((item) => {
            const line = lines[item.index];
            return (
              <div
                key={item.key}
                ref={virtual.measureElement}
                data-index={item.index}
                className="body-line"
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <span className="body-number" aria-hidden="true">
                  {line?.number}
                </span>
                <code>{line?.text}</code>
              </div>
            );
          })}
        </div>
      </div>
      {query.hasNextPage && !query.isFetchingNextPage && last?.next ? (
        <Button onClick={() => void query.fetchNextPage()}>
          {t("flows.face.more", { left: bytes(last.size - last.next) })}
        </Button>
      ) : null}
    </figure>
  );
}
