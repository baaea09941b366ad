// The request as a program would send it, in three languages and both protocols.
import { useTranslation } from "react-i18next";

import { useAddress } from "../../parts/address";
import { Block } from "../../parts/Copy";
import { Field } from "../../parts/Field";
import type { Draft, Protocol, Turn } from "./draft";
import { requestOf } from "./request";
import { ADMIN_KEY, PROXY_KEY, snippetsOf } from "./snippets";

export function Code({ draft, turns }: { draft: Draft; turns: readonly Turn[] }) {
  const { t } = useTranslation();
  const [query, change] = useAddress();
  const protocol: Protocol =
    (["openai", "anthropic"] as const).find((one) => one === query.get("as")) ?? draft.protocol;
  const asked = turns.at(-1)?.role === "assistant" ? turns.slice(0, -1) : turns;
  const shown = asked.length > 0 ? asked : [{ role: "user", text: "Hello!", pictures: [] } as const];
  const request = requestOf(draft, shown, { proxy: PROXY_KEY, admin: ADMIN_KEY }, protocol);
  return (
    <div className="play-code">
      <Field label={t("playground.as")} about={t("playground.asAbout", { key: PROXY_KEY })}>
        {(field) => (
          <select {...field} value={protocol} onChange={(event) => change({ as: event.target.value })}>
            <option value="openai">OpenAI</option>
            <option value="anthropic">Anthropic</option>
          </select>
        )}
      </Field>
      {snippetsOf(location.origin, request, protocol).map((snippet) => (
        <Block key={snippet.id} label={snippet.name} text={snippet.text} />
      ))}
    </div>
  );
}
