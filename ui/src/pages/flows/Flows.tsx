// The page of flows: filter, list, and the detail of the chosen one beside it. Owns what of it stands in the address.
import { useCallback, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate, useParams, useSearchParams } from "react-router";

import { Page } from "../../parts/Page";
import { FilterBar } from "./FilterBar";
import { FlowDetail } from "./FlowDetail";
import { FlowTable } from "./FlowTable";
import { Split } from "./Split";
import "./flows.css";

export default function Flows() {
  const { t } = useTranslation();
  const { id } = useParams();
  const [search, setSearch] = useSearchParams();
  const navigate = useNavigate();
  const [paused, setPaused] = useState(false);
  const [gone, setGone] = useState<ReadonlySet<string>>(new Set());
  const input = useRef<HTMLInputElement>(null);
  const detail = useRef<HTMLElement>(null);
  const filter = search.get("filter") ?? "";

  const setFilter = useCallback(
    (wanted: string) =>
      setSearch(
        (now) => {
          if (wanted) now.set("filter", wanted);
          else now.delete("filter");
          return now;
        },
        { replace: true },
      ),
    [setSearch],
  );
  const choose = useCallback(
    (wanted: string | undefined) => {
      const address = { pathname: wanted ? `/flows/${encodeURIComponent(wanted)}` : "/flows", search: location.search };
      void navigate(address, { replace: id !== undefined && wanted !== undefined });
    },
    [navigate, id],
  );

  useEffect(() => {
    function onKey(event: KeyboardEvent): void {
      const on = event.target instanceof Element ? event.target : document.body;
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (on.closest("input, textarea, select, [role=dialog]")) return;
      if (event.key === "/") {
        input.current?.focus();
        input.current?.select();
      } else if (event.key === "Escape" && id !== undefined) {
        choose(undefined);
        document.querySelector<HTMLElement>(".flows .table-body")?.focus();
      } else if (event.key === "Enter" && id !== undefined && !on.closest("button, a, summary")) {
        detail.current?.focus();
      } else {
        return;
      }
      event.preventDefault();
    }
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [id, choose]);

  return (
    <Page title={t("shell.pages.flows")}>
      <div className="flows">
        <FilterBar filter={filter} onFilter={setFilter} input={input} />
        <Split
          name="flows"
          label={t("flows.detail.divider")}
          first={
            <FlowTable
              key={filter}
              filter={filter}
              chosen={id}
              onChoose={choose}
              onClear={() => setFilter("")}
              paused={paused}
              onPause={setPaused}
              gone={gone}
            />
          }
          second={
            id === undefined ? null : (
              <FlowDetail
                id={id}
                panel={detail}
                onClose={() => choose(undefined)}
                onGone={() => {
                  setGone(new Set([...gone, id]));
                  choose(undefined);
                }}
              />
            )
          }
        />
        <p className="flows-keys soft">{t("flows.keys")}</p>
      </div>
    </Page>
  );
}
