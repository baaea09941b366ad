// Everything that came, as it came: each event of the stream with its time.
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { Block } from "../../parts/Copy";
import { VirtualTable, type Column } from "../../parts/VirtualTable";
import type { Exchange, Frame } from "./ask";

export function Raw({ exchange }: { exchange: Exchange | null }) {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState("");
  if (!exchange || exchange.frames.length === 0) return <p className="soft">{t("playground.nothingYet")}</p>;
  const columns: readonly Column<Frame>[] = [
    { id: "at", name: t("playground.at"), width: "90px", right: true, cell: (frame) => `${frame.at} ms` },
    { id: "event", name: t("playground.event"), width: "170px", cell: (frame) => frame.event || "·" },
    { id: "data", name: t("playground.data"), width: "minmax(0, 1fr)", cell: (frame) => <code>{frame.data}</code> },
  ];
  const frame = exchange.frames.find((one) => String(one.id) === chosen);
  return (
    <div className="play-raw">
      <VirtualTable
        label={t("playground.views.raw")}
        rows={exchange.frames}
        columns={columns}
        keyOf={(one) => String(one.id)}
        chosen={chosen}
        onChoose={(one) => setChosen(String(one.id))}
      />
      {frame ? <Block label={t("playground.frame", { number: frame.id + 1 })} text={pretty(frame.data)} /> : null}
    </div>
  );
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
