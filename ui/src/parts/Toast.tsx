import { createContext, use, useCallback, useMemo, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { ApiError } from "../api/client";
import "./parts.css";

interface Toast {
  id: number;
  text: string;
  hint: string;
  bad: boolean;
}

interface Say {
  done: (text: string) => void;
  failed: (error: unknown) => void;
}

const Context = createContext<Say>({ done: () => undefined, failed: () => undefined });
const SECONDS = 6;
let count = 0;

/** Says for a moment what came of an act. Errors stay until they are closed. */
export function ToastProvider({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const drop = useCallback((id: number) => setToasts((all) => all.filter((toast) => toast.id !== id)), []);
  const say = useMemo<Say>(() => {
    function add(text: string, hint: string, bad: boolean): void {
      const id = ++count;
      setToasts((all) => [...all.slice(-3), { id, text, hint, bad }]);
      if (!bad) setTimeout(() => drop(id), SECONDS * 1000);
    }
    return {
      done: (text) => add(text, "", false),
      failed: (error) => {
        const told = error instanceof Error ? error.message : String(error);
        add(told || t("common.failed"), error instanceof ApiError ? error.hint : "", true);
      },
    };
  }, [drop, t]);
  return (
    <Context value={say}>
      {children}
      <div className="toasts" role="status">
        {toasts.map((toast) => (
          <div key={toast.id} className={toast.bad ? "toast toast-bad" : "toast"}>
            <div>
              <strong>{toast.text}</strong>
              {toast.hint ? <p>{toast.hint}</p> : null}
            </div>
            <button
              type="button"
              className="button button-quiet"
              aria-label={t("common.close")}
              onClick={() => drop(toast.id)}
            >
              <span aria-hidden="true">✕</span>
            </button>
          </div>
        ))}
      </div>
    </Context>
  );
}

export function useToast(): Say {
  return use(Context);
}
