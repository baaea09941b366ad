// A button that opens the choice of columns.
import { Popover } from "radix-ui";
import { useTranslation } from "react-i18next";

import { Button } from "../../parts/Button";
import { COLUMNS, toggled, type ColumnId } from "./columns";

interface Props {
  chosen: readonly ColumnId[];
  onChange: (chosen: readonly ColumnId[]) => void;
}

export function ColumnChooser({ chosen, onChange }: Props) {
  const { t } = useTranslation();
  return (
    <Popover.Root>
      <Popover.Trigger asChild>
        <Button>{t("flows.columns")}</Button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content className="flows-popover" align="end" sideOffset={4} aria-label={t("flows.columnsAbout")}>
          <fieldset className="flows-columns">
            <legend>{t("flows.columnsAbout")}</legend>
            {COLUMNS.map((id) => (
              <label key={id}>
                <input type="checkbox" checked={chosen.includes(id)} onChange={() => onChange(toggled(chosen, id))} />
                {t(`flows.column.${id}`)}
              </label>
            ))}
          </fieldset>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
