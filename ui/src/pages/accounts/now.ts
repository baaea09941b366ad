// The time, as often as somebody needs to see it move.
import { useEffect, useState } from "react";

/** Milliseconds since the epoch, anew every so many milliseconds; not at all without a number. */
export function useNow(every: number | null): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (every === null) return;
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}
