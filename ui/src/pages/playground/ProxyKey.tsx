// Where a person puts the proxy key that this page shows to luna, where clients must show one.
import { useTranslation } from "react-i18next";

import { Field } from "../../parts/Field";
import { setProxyKey, useProxyKey } from "./key";

export function ProxyKey() {
  const { t } = useTranslation();
  const key = useProxyKey();
  return (
    <Field label={t("playground.key")} about={t("playground.keyAbout")}>
      {(field) => (
        <input
          {...field}
          type="password"
          autoComplete="off"
          value={key}
          onChange={(event) => setProxyKey(event.target.value)}
        />
      )}
    </Field>
  );
}
