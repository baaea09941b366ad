import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { ApiError } from "../api/client";
import { Button } from "./Button";
import "./parts.css";

/** In the place of what is not there: says what to do next. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function Loading() {
  const { t } = useTranslation();
  return (
    <p className="soft" role="status">
      {t("common.loading")}
    </p>
  );
}

/** In the place of what could not be fetched. */
export function Failed({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { t } = useTranslation();
  const hint = error instanceof ApiError ? error.hint : "";
  return (
    <div className="empty" role="alert">
      <h2>{error instanceof Error ? error.message : t("common.failed")}</h2>
      {hint ? <p>{hint}</p> : null}
      {onRetry ? <Button onClick={onRetry}>{t("common.retry")}</Button> : null}
    </div>
  );
}
