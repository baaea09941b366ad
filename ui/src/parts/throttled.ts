// Something that is done again and again, but not as often as it is asked for.
import { useCallback, useEffect, useRef } from "react";

/** `act`, at most once in so many milliseconds; what comes between is made up for at the end. */
export function useThrottled(act: () => void, every: number): () => void {
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const last = useRef(0);
  useEffect(
    () => () => {
      if (timer.current) clearTimeout(timer.current);
    },
    [],
  );
  return useCallback(() => {
    if (timer.current) return;
    const wait = Math.max(0, last.current + every - Date.now());
    timer.current = setTimeout(() => {
      timer.current = null;
      last.current = Date.now();
      act();
    }, wait);
  }, [act, every]);
}
