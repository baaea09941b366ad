import { useId, type ReactNode } from "react";

import "./parts.css";

interface Control {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": boolean | undefined;
}

interface Props {
  label: string;
  about?: string | undefined;
  /** What is wrong with its value; empty when nothing is. */
  problem?: string | undefined;
  /** Its input, to which what is passed belongs. */
  children: (control: Control) => ReactNode;
}

/** A labelled input with its explanation and its error beside it. */
export function Field({ label, about, problem, children }: Props) {
  const id = useId();
  const described = [about ? `${id}-about` : "", problem ? `${id}-problem` : ""].filter(Boolean).join(" ");
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, "aria-describedby": described || undefined, "aria-invalid": problem ? true : undefined })}
      {about ? (
        <p className="field-about" id={`${id}-about`}>
          {about}
        </p>
      ) : null}
      {problem ? (
        <p className="field-problem" id={`${id}-problem`} role="alert">
          {problem}
        </p>
      ) : null}
    </div>
  );
}
