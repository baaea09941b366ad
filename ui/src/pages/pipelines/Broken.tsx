// What is wrong with the files on disk, above everything else: each mistake leads to its place in the editor.
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";

import type { components } from "../../api/schema";
import { Problems } from "../../parts/editor/Problems";
import { addressOf } from "./data";

export function Broken({ status }: { status: components["schemas"]["ConfigStatus"] }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { diagnostics, warnings, version } = status;
  if (diagnostics.length === 0 && warnings.length === 0) return null;
  const broken = diagnostics.length > 0;
  const shown = broken ? diagnostics : warnings;
  return (
    <section className="notice" data-tone={broken ? "bad" : "warn"} role={broken ? "alert" : undefined}>
      <h2>
        {broken
          ? t("pipelines.broken.title", { count: diagnostics.length, version })
          : t("pipelines.warnings", { count: warnings.length })}
      </h2>
      <Problems
        label={t("pipelines.broken.list")}
        problems={shown}
        onGo={(problem) => void navigate(addressOf(problem))}
      />
    </section>
  );
}
