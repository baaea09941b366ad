// What can be made of a recorded flow: a fixture for the tests, a bundle for somebody else's machine.
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { api, ApiError, body } from "../../../api/client";
import type { components } from "../../../api/schema";
import { useOpened } from "../../../app/opened";
import { Button } from "../../../parts/Button";
import { Dialog } from "../../../parts/Dialog";
import { Field } from "../../../parts/Field";
import { useToast } from "../../../parts/Toast";
import { isActive } from "../rows";
import type { Detail } from "../waterfall";

export function Keep({ detail }: { detail: Detail }) {
  const { t } = useTranslation();
  const opened = useOpened();
  const [keeping, setKeeping] = useState(false);
  if (opened || !detail.recording || isActive(detail.run)) return null;
  const { id } = detail.run;
  return (
    <>
      <Button onClick={() => setKeeping(true)}>{t("keep.fixture.open")}</Button>
      <BundleButton id={id} />
      {keeping ? <KeepDialog id={id} onClose={() => setKeeping(false)} /> : null}
    </>
  );
}

function BundleButton({ id }: { id: string }) {
  const { t } = useTranslation();
  const say = useToast();
  const [busy, setBusy] = useState(false);

  async function fetchIt(): Promise<void> {
    setBusy(true);
    try {
      const asked = { params: { path: { id } }, parseAs: "blob" as const };
      const packed: unknown = await body(api.GET("/api/flows/{id}/bundle", asked));
      if (!(packed instanceof Blob)) return;
      const link = document.createElement("a");
      link.href = URL.createObjectURL(packed);
      link.download = `${id}.luna.zip`;
      link.click();
      URL.revokeObjectURL(link.href);
      say.done(t("keep.bundle.done", { name: link.download }));
    } catch (error) {
      say.failed(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Button disabled={busy} title={t("keep.bundle.about")} onClick={() => void fetchIt()}>
      {busy ? t("keep.bundle.busy") : t("keep.bundle.open")}
    </Button>
  );
}

type Made = components["schemas"]["FixtureMade"];

function KeepDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const { t } = useTranslation();
  const [name, setName] = useState("");
  const [minimise, setMinimise] = useState(true);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ApiError>();
  const [made, setMade] = useState<Made>();
  const wrong = name !== "" && !/^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$/.test(name);

  async function keep(event: SyntheticEvent): Promise<void> {
    event.preventDefault();
    if (busy || wrong || name === "") return;
    setBusy(true);
    setProblem(undefined);
    try {
      const asked = { params: { path: { id } }, body: { name, minimise } };
      setMade(await body(api.POST("/api/flows/{id}/fixture", asked)));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setProblem(error);
    } finally {
      setBusy(false);
    }
  }

  const said = problem ? [problem.message, problem.hint].filter(Boolean).join(" ") : "";
  return (
    <Dialog open title={t("keep.fixture.title")} about={t("keep.fixture.about")} onClose={onClose}>
      {made ? (
        <div role="status">
          <p>{t("keep.fixture.done", { folder: made.folder })}</p>
          <p className="soft">{t("keep.fixture.shows", { shows: made.shows })}</p>
          {made.eventsBefore ? (
            <p className="soft">
              {t("keep.fixture.left", { count: made.eventsAfter, before: made.eventsBefore })}{" "}
              {made.whole ? "" : t("keep.fixture.cut")}
            </p>
          ) : null}
          <div className="row-end">
            <Button primary onClick={onClose}>
              {t("common.close")}
            </Button>
          </div>
        </div>
      ) : (
        <form onSubmit={(event) => void keep(event)}>
          <Field
            label={t("keep.fixture.name")}
            about={t("keep.fixture.nameAbout")}
            problem={wrong ? t("keep.fixture.nameWrong") : said}
          >
            {(control) => (
              <input
                {...control}
                value={name}
                autoComplete="off"
                spellCheck={false}
                onChange={(event) => setName(event.target.value)}
              />
            )}
          </Field>
          <label className="row">
            <input type="checkbox" checked={minimise} onChange={(event) => setMinimise(event.target.checked)} />
            <span>{t("keep.fixture.minimise")}</span>
          </label>
          <div className="row-end">
            <Button onClick={onClose}>{t("common.cancel")}</Button>
            <Button type="submit" primary disabled={busy || wrong || name === ""}>
              {busy ? t("keep.fixture.busy") : t("keep.fixture.keep")}
            </Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
