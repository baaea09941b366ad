// A table of any length: only what can be seen is in the page. Rows have one height; arrows move, Enter opens.
import { useVirtualizer } from "@tanstack/react-virtual";
import {
  memo,
  useEffect,
  useLayoutEffect,
  useRef,
  type KeyboardEvent,
  type MouseEvent,
  type ReactNode,
  type RefObject,
} from "react";

import "./parts.css";

export interface Column<Row> {
  id: string;
  name: string;
  /** A width as in `grid-template-columns`. */
  width: string;
  cell: (row: Row) => ReactNode;
  /** Numbers stand right. */
  right?: boolean;
}

interface Props<Row> {
  label: string;
  rows: readonly Row[];
  columns: readonly Column<Row>[];
  keyOf: (row: Row) => string;
  chosen?: string | undefined;
  onChoose?: (row: Row) => void;
  /** Called when the end comes near. */
  onEnd?: () => void;
  empty?: ReactNode;
}

const HEIGHT = 36;
/** Rows that are there before they can be seen, on either side. */
const OVERSCAN = 8;
/** Of a window that is not there yet, in pixels. */
const USUAL_HEIGHT = 800;
/** How `aria-rowindex` counts: from 1, and the head is a row. */
const FIRST = 2;

function heightOf(): number {
  return HEIGHT;
}

interface RowProps<Row> {
  row: Row;
  index: number;
  columns: readonly Column<Row>[];
  template: string;
  chosen: boolean;
}

/** Rendered again only when it shows something else: scrolling by a row costs one row. */
const TableRow = memo(function TableRow<Row>({ row, index, columns, template, chosen }: RowProps<Row>) {
  return (
    <div
      role="row"
      aria-rowindex={index + FIRST}
      aria-selected={chosen}
      className="table-row"
      style={{ gridTemplateColumns: template, transform: `translateY(${index * HEIGHT}px)`, height: HEIGHT }}
    >
      {columns.map((column) => (
        <div key={column.id} role="gridcell" data-right={column.right || undefined}>
          {column.cell(row)}
        </div>
      ))}
    </div>
  );
}) as <Row>(props: RowProps<Row>) => ReactNode;

export function VirtualTable<Row>({ label, rows, columns, keyOf, chosen, onChoose, onEnd, empty }: Props<Row>) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: heightOf,
    overscan: OVERSCAN,
  });
  usePlace(scroller, rows, keyOf);
  const shown = virtual.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    if (onEnd && rows.length > 0 && last >= rows.length - 20) onEnd();
  }, [last, rows.length, onEnd]);

  const places = Math.ceil((virtual.scrollRect?.height ?? USUAL_HEIGHT) / HEIGHT) + 2 * OVERSCAN + 2;
  const template = columns.map((column) => column.width).join(" ");
  const at = chosen === undefined ? -1 : rows.findIndex((row) => keyOf(row) === chosen);

  function move(to: number): void {
    const index = Math.max(0, Math.min(rows.length - 1, to));
    const row = rows[index];
    if (row === undefined) return;
    virtual.scrollToIndex(index);
    onChoose?.(row);
  }

  function onKeyDown(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? HEIGHT) / HEIGHT) - 1);
    const steps: Record<string, number> = {
      ArrowDown: at + 1,
      j: at + 1,
      ArrowUp: at - 1,
      k: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: rows.length - 1,
    };
    const to = steps[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    move(to);
  }

  function onClick(event: MouseEvent): void {
    const element = event.target instanceof Element ? event.target.closest("[aria-rowindex]") : null;
    const row = element ? rows[Number(element.getAttribute("aria-rowindex")) - FIRST] : undefined;
    if (row !== undefined) onChoose?.(row);
  }

  if (rows.length === 0 && empty) return <div className="table table-empty">{empty}</div>;

  return (
    <div className="table" role="grid" aria-label={label} aria-rowcount={rows.length + 1}>
      <div className="table-head" role="row" style={{ gridTemplateColumns: template }}>
        {columns.map((column) => (
          <div key={column.id} role="columnheader" data-right={column.right || undefined}>
            {column.name}
          </div>
        ))}
      </div>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex, jsx-a11y/no-noninteractive-element-interactions -- the keyboard moves through the rows from here */}
      <div className="table-body" role="rowgroup" ref={scroller} tabIndex={0} onKeyDown={onKeyDown} onClick={onClick}>
        <div style={{ height: virtual.getTotalSize(), position: "relative" }}>
          {shown.map(({ index }) => {
            const row = rows[index];
            // What leaves the window on one side comes back on the other with another text: elements are not made anew.
            return row === undefined ? null : (
              <TableRow
                key={index % places}
                row={row}
                index={index}
                columns={columns}
                template={template}
                chosen={index === at}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

/** Rows that come in above do not move what is being read: the first row in sight stays where it is. At the very top
 * the list goes with the news. */
function usePlace<Row>(
  scroller: RefObject<HTMLDivElement | null>,
  rows: readonly Row[],
  keyOf: (row: Row) => string,
): void {
  const before = useRef<readonly Row[]>(rows);
  useLayoutEffect(() => {
    const element = scroller.current;
    const old = before.current;
    before.current = rows;
    if (!element || old === rows || element.scrollTop < HEIGHT) return;
    const at = Math.floor(element.scrollTop / HEIGHT);
    const first = old[at];
    if (first === undefined) return;
    const key = keyOf(first);
    const same = rows[at];
    if (same !== undefined && keyOf(same) === key) return;
    const now = rows.findIndex((row) => keyOf(row) === key);
    if (now !== -1) element.scrollBy({ top: (now - at) * HEIGHT, behavior: "instant" });
  }, [scroller, rows, keyOf]);
}
