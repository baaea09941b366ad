// One exchange at a time, as it grows; at most some thirty pictures of it a second.
import { useCallback, useEffect, useRef, useState } from "react";

import { ask, begun, type Exchange } from "./ask";
import type { Protocol } from "./draft";
import type { Request } from "./request";

const PICTURE_MS = 33;

export function useAsk() {
  const [exchange, setExchange] = useState<Exchange | null>(null);
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);

  const send = useCallback(async (request: Request, protocol: Protocol): Promise<Exchange | null> => {
    running.current?.abort();
    const control = new AbortController();
    running.current = control;
    const begin = begun(request, protocol);
    setExchange(begin);
    let latest = begin;
    let due: ReturnType<typeof setTimeout> | undefined;
    const ended = await ask(begin, control.signal, (now) => {
      latest = now;
      due ??= setTimeout(() => {
        due = undefined;
        if (running.current === control) setExchange(latest);
      }, PICTURE_MS);
    });
    clearTimeout(due);
    if (running.current !== control) return null;
    running.current = null;
    setExchange(ended);
    return ended;
  }, []);

  const abort = useCallback(() => running.current?.abort(), []);
  const forget = useCallback(() => {
    running.current?.abort();
    running.current = null;
    setExchange(null);
  }, []);
  const busy = exchange?.state === "asking" || exchange?.state === "answering";
  return { exchange, busy, send, abort, forget };
}
