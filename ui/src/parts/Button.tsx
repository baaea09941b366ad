import type { ButtonHTMLAttributes } from "react";

import "./parts.css";

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  /** The one thing that a form or page is for. */
  primary?: boolean;
  /** Deletes or stops something. */
  danger?: boolean;
  /** Without a frame. */
  quiet?: boolean;
}

export function Button({ primary, danger, quiet, className = "", type = "button", ...rest }: Props) {
  const kind = primary ? "button-primary" : danger ? "button-danger" : quiet ? "button-quiet" : "";
  return <button type={type} className={`button ${kind} ${className}`} {...rest} />;
}
