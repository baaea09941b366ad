// What came or went piece by piece, with the moment of each and the time since the one before.
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";

import { Failed, Loading } from "../../parts/Empty";
import { bytes } from "../../parts/Time";
import { usePieces } from "./detail";

const PIECE = 64;

function milliseconds(value: number): string {
  return `${value.toFixed(1)} ms`;
}

export function Pieces({ flow, face, label }: { flow: string; face: string; label: string }) {
  const { t } = useTranslation();
  const query = usePieces(flow, face);
  const pieces = useMemo(() => query.data?.pages.flat() ?? [], [query.data]);
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: pieces.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => PIECE,
    overscan: 6,
  });
  const shown = virtual.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = query;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && last > pieces.length - 30) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage, last, pieces.length]);
  if (query.error) return <Failed error={query.error} onRetry={() => void query.refetch()} />;
  if (query.isPending) return <Loading />;
  if (pieces.length === 0) return <p className="soft">{t("flows.face.none")}</p>;
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, so the keyboard must reach it
    <div className="body-text pieces" ref={scroller} tabIndex={0} role="region" aria-label={label}>
      <div style={{ height: virtual.getTotalSize(), position: "relative" }}>
        {shown.map((item) => {
          const piece = pieces[item.index];
          if (!piece) return null;
          const before = pieces[item.index - 1];
          return (
            <div
              key={item.key}
              ref={virtual.measureElement}
              data-index={item.index}
              className="piece"
              style={{ transform: `translateY(${item.start}px)` }}
            >
              <p className="piece-head">
                <span>{t("flows.face.piece", { number: piece.number })}</span>
                <span>{milliseconds(piece.atMs)}</span>
                <span>{before ? `+${milliseconds(piece.atMs - before.atMs)}` : ""}</span>
                <span>{bytes(piece.size)}</span>
                {piece.cut ? <span>{t("flows.face.cut")}</span> : null}
              </p>
              <pre>{piece.text}</pre>
            </div>
          );
        })}
      </div>
    </div>
  );
}
