import { Tabs as Radix } from "radix-ui";
import type { ReactNode } from "react";

import "./parts.css";

export interface Tab {
  id: string;
  name: string;
  content: ReactNode;
}

/** Tabs. The chosen one belongs to the caller, who keeps it in the URL. */
export function Tabs({
  tabs,
  chosen,
  onChoose,
  label,
}: {
  tabs: readonly Tab[];
  chosen: string;
  onChoose: (id: string) => void;
  label: string;
}) {
  return (
    <Radix.Root className="tabs" value={chosen} onValueChange={onChoose}>
      <Radix.List className="tabs-list" aria-label={label}>
        {tabs.map((tab) => (
          <Radix.Trigger key={tab.id} value={tab.id} className="tabs-tab">
            {tab.name}
          </Radix.Trigger>
        ))}
      </Radix.List>
      {tabs.map((tab) => (
        <Radix.Content key={tab.id} value={tab.id} className="tabs-content">
          {tab.content}
        </Radix.Content>
      ))}
    </Radix.Root>
  );
}
