// What is wrong, as a list: each leads to its place.
import { useTranslation } from "react-i18next";

import type { components } from "../../api/schema";
import { Badge } from "../Badge";
import "./editor.css";

export type Diagnostic = components["schemas"]["Diagnostic"];

interface Props {
  label: string;
  problems: readonly Diagnostic[];
  onGo: (problem: Diagnostic) => void;
}

export function Problems({ label, problems, onGo }: Props) {
  const { t } = useTranslation();
  return (
    <ul className="problems" aria-label={label}>
      {problems.map((problem) => (
        <li key={`${problem.file}:${problem.line}:${problem.col}:${problem.message}`}>
          <button type="button" className="problems-one" onClick={() => onGo(problem)}>
            <Badge tone={problem.severity === "error" ? "bad" : "warn"}>
              {t(problem.severity === "error" ? "editor.error" : "editor.warning")}
            </Badge>
            <span className="problems-place">
              {problem.file}:{problem.line}:{problem.col}
            </span>
            <span>{problem.hint ? `${problem.message} — ${problem.hint}` : problem.message}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
