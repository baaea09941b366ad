// The operators of the filter language, as luna has them; a click writes one down.
import { useQuery } from "@tanstack/react-query";
import { Popover } from "radix-ui";
import { useRef, useState, type RefObject } from "react";
import { useTranslation } from "react-i18next";

import { api, body } from "../../api/client";
import type { components } from "../../api/schema";
import { Button } from "../../parts/Button";

export type Operator = components["schemas"]["OperatorView"];

interface Props {
  onPick: (operator: Operator) => void;
  /** Gets the focus when something was picked. */
  input: RefObject<HTMLInputElement | null>;
  /** Those for flows in progress. */
  live?: boolean;
}

export function OperatorHelp({ onPick, input, live = false }: Props) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const picked = useRef(false);
  const operators = useQuery({
    queryKey: ["flow-operators", live],
    queryFn: () => body(api.GET(live ? "/api/breakpoints/operators" : "/api/flows/operators")),
    staleTime: Infinity,
    enabled: open,
  });
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger asChild>
        <Button aria-label={t("flows.filter.help")}>
          <span aria-hidden="true">?</span>
        </Button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          className="flows-popover"
          align="end"
          sideOffset={4}
          collisionPadding={8}
          aria-label={t("flows.filter.help")}
          onCloseAutoFocus={(event) => {
            if (!picked.current) return;
            picked.current = false;
            event.preventDefault();
            input.current?.focus();
          }}
        >
          <p className="soft">{t("flows.filter.helpAbout")}</p>
          <ul className="filter-operators">
            {operators.data?.map((operator) => (
              <li key={operator.letter}>
                <button
                  type="button"
                  onClick={() => {
                    picked.current = true;
                    setOpen(false);
                    onPick(operator);
                  }}
                >
                  <code>{operator.example}</code>
                  <span>{t(`flows.operator.${operator.field}`)}</span>
                </button>
              </li>
            ))}
          </ul>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
