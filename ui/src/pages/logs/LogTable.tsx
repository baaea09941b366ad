// The lines on screen: only those that can be seen are in the page; the newest stand below, and the view follows them
// for as long as it is at the bottom.
import { useVirtualizer } from "@tanstack/react-virtual";
import { useLayoutEffect, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { Badge, type Tone } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import type { Line } from "./lines";

const HEIGHT = 28;
/** Of the columns' names, which stay above the lines. */
const HEAD = 34;
/** Pixels from the end that still are the end. */
const NEAR = 40;

export const TONES: Record<string, Tone> = { error: "bad", warning: "warn" };

interface Props {
  lines: readonly Line[];
  chosen: number;
  onChoose: (id: number) => void;
  /** Asks for older lines; absent where there are none. */
  onOlder: (() => void) | undefined;
  empty: ReactNode;
}

export function LogTable({ lines, chosen, onChoose, onOlder, empty }: Props) {
  const { t } = useTranslation();
  const scroller = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const first = useRef<number | undefined>(undefined);
  const [below, setBelow] = useState(false);
  const [cursor, setCursor] = useState(chosen);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => HEIGHT,
    getItemKey: (index) => lines[index]?.id ?? index,
    overscan: 20,
    scrollPaddingStart: HEAD,
  });

  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box) return;
    const before = first.current === undefined ? 0 : lines.findIndex((line) => line.id === first.current);
    first.current = lines[0]?.id;
    if (atEnd.current) box.scrollTop = box.scrollHeight;
    else if (before > 0) box.scrollTop += before * HEIGHT;
  }, [lines]);

  function scrolled(): void {
    const box = scroller.current;
    if (!box) return;
    atEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
    setBelow(!atEnd.current);
    if (box.scrollTop < NEAR && box.scrollHeight > box.clientHeight) onOlder?.();
  }

  function toEnd(): void {
    atEnd.current = true;
    scroller.current?.scrollTo({ top: scroller.current.scrollHeight });
    scroller.current?.focus();
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== event.currentTarget) return;
    const at = lines.findIndex((line) => line.id === cursor);
    const from = at < 0 ? lines.length : at;
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? HEIGHT) / HEIGHT) - 2);
    const steps: Record<string, number> = {
      ArrowDown: from + 1,
      ArrowUp: from - 1,
      PageDown: from + page,
      PageUp: from - page,
      Home: 0,
      End: lines.length - 1,
    };
    const to = steps[event.key];
    if (event.key === "Enter" && at >= 0) {
      event.preventDefault(); // or it presses the button that has the focus in the dialog that opens
      onChoose(cursor);
    }
    if (to === undefined) return;
    event.preventDefault();
    const index = Math.max(0, Math.min(lines.length - 1, to));
    const line = lines[index];
    if (!line) return;
    atEnd.current = index === lines.length - 1; // not when the scrolling is heard of: a new line may come first
    virtual.scrollToIndex(index);
    setCursor(line.id);
  }

  return (
    <div className="logs-frame">
      <div
        className="logs-table"
        role="grid"
        aria-label={t("logs.list")}
        aria-rowcount={lines.length + 1}
        aria-activedescendant={cursor ? rowId(cursor) : undefined}
        ref={scroller}
        tabIndex={0}
        onScroll={scrolled}
        onKeyDown={onKeyDown}
      >
        <div className="logs-head logs-columns" role="row">
          {(["time", "level", "from", "message"] as const).map((name) => (
            <div key={name} role="columnheader" className={`logs-${name}`}>
              {t(`logs.columns.${name}`)}
            </div>
          ))}
        </div>
        <div role="rowgroup" style={{ height: virtual.getTotalSize(), position: "relative" }}>
          {virtual.getVirtualItems().map((item) => {
            const line = lines[item.index];
            return line ? (
              <Row
                key={line.id}
                line={line}
                place={item.index}
                top={item.start}
                chosen={line.id === cursor}
                onChoose={(id) => {
                  setCursor(id);
                  onChoose(id);
                }}
              />
            ) : null;
          })}
        </div>
      </div>
      {lines.length === 0 ? <div className="logs-none">{empty}</div> : null}
      {below ? (
        <Button className="logs-end" onClick={toEnd}>
          <span aria-hidden="true">↓</span> {t("logs.toEnd")}
        </Button>
      ) : null}
    </div>
  );
}

function rowId(id: number): string {
  return `log-${id}`;
}

interface RowProps {
  line: Line;
  place: number;
  top: number;
  chosen: boolean;
  onChoose: (id: number) => void;
}

function Row({ line, place, top, chosen, onChoose }: RowProps) {
  return (
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus -- the keyboard chooses rows in the rowgroup
    <div
      role="row"
      id={rowId(line.id)}
      aria-rowindex={place + 2}
      aria-selected={chosen}
      className="logs-row logs-columns"
      style={{ transform: `translateY(${top}px)`, height: HEIGHT }}
      onClick={() => onChoose(line.id)}
    >
      <div role="gridcell" className="logs-time mono">
        {clock(line.timestamp)}
      </div>
      <div role="gridcell" className="logs-level">
        <Badge tone={TONES[line.level] ?? "plain"}>{line.level}</Badge>
      </div>
      <div role="gridcell" className="logs-from soft">
        {line.logger.replace(/^luna\./, "")}
      </div>
      <div role="gridcell" className="logs-message mono">
        {line.message}
      </div>
    </div>
  );
}

/** `20:41:07.025`, in this place's time. */
function clock(at: number): string {
  const date = new Date(at);
  const two = (value: number, digits = 2) => String(value).padStart(digits, "0");
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map((value) => two(value)).join(":");
  return `${time}.${two(date.getMilliseconds(), 3)}`;
}
