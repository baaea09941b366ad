import { Dialog as Radix } from "radix-ui";
import { useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { useMayChange } from "../app/opened";
import { Button } from "./Button";
import "./parts.css";

interface Props {
  title: string;
  about?: string;
  open: boolean;
  onClose: () => void;
  /** From the right, as tall as the window: for details beside a list. */
  side?: boolean;
  children: ReactNode;
}

const FIELDS = "input:not([type=hidden]), select, textarea, [contenteditable=true]";

/** Where somebody begins: at the first field of a form, else at what does no harm, else at the top. */
function begin(content: HTMLElement, side: boolean): void {
  const fields = side ? [] : [...content.querySelectorAll<HTMLElement>(FIELDS)];
  const field = fields.find((each) => !each.matches(":disabled"));
  (field ?? content.querySelector<HTMLElement>("[data-safe]") ?? content).focus();
}

/** A dialog: keeps the focus, closes by Escape, gives the focus back. */
export function Dialog({ title, about, open, onClose, side, children }: Props) {
  const { t } = useTranslation();
  const before = useRef<Element | null>(null);
  const content = useRef<HTMLDivElement>(null);
  return (
    <Radix.Root open={open} onOpenChange={(now) => (now ? undefined : onClose())}>
      <Radix.Portal>
        <Radix.Overlay className="dialog-ground" />
        <Radix.Content
          className={side ? "dialog dialog-side" : "dialog"}
          {...(about ? {} : { "aria-describedby": undefined })}
          ref={content}
          onOpenAutoFocus={(event) => {
            event.preventDefault();
            before.current = document.activeElement;
            if (content.current) begin(content.current, side === true);
          }}
          onCloseAutoFocus={(event) => {
            // Radix knows only buttons of its own; what opened this one may be a row of a table.
            event.preventDefault();
            if (before.current instanceof HTMLElement) before.current.focus();
          }}
        >
          <div className="dialog-head">
            <Radix.Title asChild>
              <h2>{title}</h2>
            </Radix.Title>
            <Radix.Close asChild>
              <Button quiet aria-label={t("common.close")}>
                <span aria-hidden="true">✕</span>
              </Button>
            </Radix.Close>
          </div>
          {about ? <Radix.Description className="soft">{about}</Radix.Description> : null}
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

interface ConfirmProps {
  /** The button that asks. */
  label: string;
  title: string;
  /** What will be deleted or stopped, counted. */
  about: string;
  /** The button that does it. */
  confirm: string;
  onConfirm: () => Promise<unknown>;
  disabled?: boolean;
}

/** A button for something that cannot be undone: it says what it will do, and asks once. Not where nothing can be
 *  changed. */
export function Confirm({ label, title, about, confirm, onConfirm, disabled }: ConfirmProps) {
  const { t } = useTranslation();
  const mayChange = useMayChange();
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  if (!mayChange) return null;
  return (
    <>
      <Button danger disabled={disabled} onClick={() => setOpen(true)}>
        {label}
      </Button>
      <Dialog title={title} about={about} open={open} onClose={() => setOpen(false)}>
        <div className="row-end">
          <Button data-safe onClick={() => setOpen(false)}>
            {t("common.cancel")}
          </Button>
          <Button
            danger
            disabled={busy}
            onClick={() => {
              setBusy(true);
              void onConfirm().finally(() => {
                setBusy(false);
                setOpen(false);
              });
            }}
          >
            {confirm}
          </Button>
        </div>
      </Dialog>
    </>
  );
}
