// What happens in luna, as it happens: one stream of events for the whole page.
//
// Owns the connection and who listens. The browser's EventSource reconnects by itself and says which event it saw last;
// luna then sends what was missed, or `reset` when that is too much.
import { useEffect, useSyncExternalStore } from "react";

export type Topic =
  "breakpoints" | "runs" | "logs" | "accounts" | "config" | "stages" | "capture" | "audit" | "overview" | "drift";
export type Connection = "connecting" | "connected" | "lost";

/** One event. `data` is what luna's OpenAPI document calls LiveEvent for that topic. */
export interface LiveEvent {
  topic: Topic | "reset";
  data: unknown;
}

type Listener = (event: LiveEvent) => void;

const TOPICS: readonly Topic[] = [
  "breakpoints",
  "runs",
  "logs",
  "accounts",
  "config",
  "stages",
  "capture",
  "audit",
  "overview",
  "drift",
];
const listeners = new Map<Topic, Set<Listener>>();
const watchers = new Set<() => void>();
let source: EventSource | null = null;
let connection: Connection = "connecting";
let opened = "";

function became(state: Connection): void {
  if (state === connection) return;
  connection = state;
  watchers.forEach((watcher) => watcher());
}

function tell(topic: Topic, event: LiveEvent): void {
  listeners.get(topic)?.forEach((listener) => listener(event));
}

function wanted(): string {
  return TOPICS.filter((topic) => (listeners.get(topic)?.size ?? 0) > 0).join(",");
}

function connect(): void {
  const topics = wanted();
  if (topics === opened && source) return;
  source?.close();
  source = null;
  opened = topics;
  if (!topics) return;
  became("connecting");
  source = new EventSource(`/api/events?topics=${topics}`);
  source.onopen = () => {
    became("connected");
    // What was set between the page's own look at it and this moment has been told to nobody here.
    tell("config", { topic: "reset", data: null });
  };
  source.onerror = () => {
    became("lost");
    // A refused stream is not tried again by the browser; a signed-out page finds that out by its other requests.
    if (source?.readyState === EventSource.CLOSED) setTimeout(reconnect, 3000);
  };
  source.addEventListener("reset", () => {
    for (const topic of TOPICS) tell(topic, { topic: "reset", data: null });
  });
  for (const topic of TOPICS) {
    source.addEventListener(topic, (message: MessageEvent<string>) =>
      tell(topic, { topic, data: JSON.parse(message.data) as unknown }),
    );
  }
}

function reconnect(): void {
  opened = "";
  source = null;
  connect();
}

let scheduled = false;
function changed(): void {
  // Pages come and go together: one new connection for all of them.
  if (scheduled) return;
  scheduled = true;
  queueMicrotask(() => {
    scheduled = false;
    connect();
  });
}

/** Listen to one topic. Returns the way to stop. Nobody listening: no connection. */
export function listen(topic: Topic, listener: Listener): () => void {
  const those = listeners.get(topic) ?? new Set<Listener>();
  listeners.set(topic, those.add(listener));
  changed();
  return () => {
    those.delete(listener);
    changed();
  };
}

/** Listen while a component is there. `listener` should be stable (useCallback, or from outside). */
export function useLive(topic: Topic, listener: Listener): void {
  useEffect(() => listen(topic, listener), [topic, listener]);
}

export function useConnection(): Connection {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => connection,
  );
}
