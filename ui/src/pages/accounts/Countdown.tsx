// The time that is left until a moment, counted down while somebody looks.
import { useEffect, useState } from "react";

import { useNow } from "./now";

interface Props {
  /** Milliseconds since the epoch. */
  until: number;
  /** Called once, when it is over. */
  onEnd?: () => void;
}

export function Countdown({ until, onEnd }: Props) {
  const [started] = useState(() => Date.now());
  const now = useNow(started < until ? 1000 : null);
  const over = now >= until && started < until;
  useEffect(() => {
    if (over) onEnd?.();
  }, [over, onEnd]);
  return (
    <time className="countdown" dateTime={new Date(until).toISOString()} title={new Date(until).toLocaleString()}>
      {left(until - now)}
    </time>
  );
}

/** A length of time as a clock shows it: `0:42`, `1:03:09`, with days in front. */
export function left(milliseconds: number): string {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  const two = (value: number) => String(value).padStart(2, "0");
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  const clock = days || hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
  return days ? `${days} d ${clock}` : clock;
}
