import type { ReactNode } from "react";
import { Link } from "react-router";

import "./parts.css";

/** A number with its meaning; a click leads to what it counts. */
export function Figure({ label, value, note, to }: { label: string; value: ReactNode; note?: ReactNode; to?: string }) {
  const inner = (
    <>
      <span className="figure-label">{label}</span>
      <span className="figure-value">{value}</span>
      {note ? <span className="figure-note">{note}</span> : null}
    </>
  );
  return to ? (
    <Link className="figure" to={to}>
      {inner}
    </Link>
  ) : (
    <div className="figure">{inner}</div>
  );
}
