// Two panes side by side with a divider that is moved by pointer or keyboard; its place is remembered. On a narrow
// screen the second pane takes the place of the first.
import { useState, type ReactNode } from "react";

interface Props {
  /** Where the place is kept. */
  name: string;
  label: string;
  first: ReactNode;
  /** None: the first has all the room. */
  second: ReactNode;
}

const LEAST = 25;
const MOST = 75;
const USUAL = 42;
const STEP = 2;

function bounded(share: number): number {
  return Math.min(MOST, Math.max(LEAST, share));
}

export function Split({ name, label, first, second }: Props) {
  const key = `luna.split.${name}`;
  const [share, setShare] = useState(() => bounded(Number(localStorage.getItem(key)) || USUAL));

  function place(wanted: number): void {
    const now = bounded(wanted);
    setShare(now);
    localStorage.setItem(key, String(Math.round(now)));
  }

  return (
    <div className="split" data-open={second ? true : undefined}>
      <div className="split-first" style={second ? { flexBasis: `${share}%` } : undefined}>
        {first}
      </div>
      {second ? (
        <>
          {/* eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- a separator that can be moved is a widget (WAI-ARIA 1.2) */}
          <div
            className="split-divider"
            role="separator"
            aria-orientation="vertical"
            aria-label={label}
            aria-valuenow={Math.round(share)}
            aria-valuemin={LEAST}
            aria-valuemax={MOST}
            // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- the same
            tabIndex={0}
            onKeyDown={(event) => {
              const step = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
              if (step === undefined) return;
              event.preventDefault();
              place(share + step);
            }}
            onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
            onPointerMove={(event) => {
              const whole = event.currentTarget.parentElement?.getBoundingClientRect();
              if (!whole || !event.currentTarget.hasPointerCapture(event.pointerId)) return;
              place(((event.clientX - whole.left) / whole.width) * 100);
            }}
          />
          <div className="split-second">{second}</div>
        </>
      ) : null}
    </div>
  );
}
