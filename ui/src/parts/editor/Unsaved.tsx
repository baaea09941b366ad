// Keeps a person from losing what is not saved: asks before the page is left.
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { useBlocker, type Location } from "react-router";

import { Button } from "../Button";
import { Dialog } from "../Dialog";

interface Props {
  /** There is something that would be lost. */
  unsaved: boolean;
  /** What is edited there: leaving one and the same thing asks nothing. */
  subject: (location: Location) => string;
}

export function Unsaved({ unsaved, subject }: Props) {
  const { t } = useTranslation();
  const blocker = useBlocker(
    ({ currentLocation, nextLocation }) => unsaved && subject(currentLocation) !== subject(nextLocation),
  );
  useEffect(() => {
    if (!unsaved) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [unsaved]);
  return (
    <Dialog
      title={t("editor.leave.title")}
      about={t("editor.leave.about")}
      open={blocker.state === "blocked"}
      onClose={() => blocker.reset?.()}
    >
      <div className="row-end">
        <Button primary data-safe onClick={() => blocker.reset?.()}>
          {t("editor.leave.stay")}
        </Button>
        <Button danger onClick={() => blocker.proceed?.()}>
          {t("editor.leave.go")}
        </Button>
      </div>
    </Dialog>
  );
}
