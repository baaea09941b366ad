// Sends one request to luna's model endpoints and tells of everything that comes back, with the time of each thing.
import { fold, refusal, SILENCE, whole, type Answer, type Trouble } from "./answer";
import type { Protocol } from "./draft";
import type { Request } from "./request";
import { SseReader } from "./sse";

export interface Head {
  status: number;
  /** Names in lower case, in their order. */
  headers: readonly (readonly [name: string, value: string])[];
}

/** One thing that came: an event of the stream, a sign of life, or a whole document. */
export interface Frame {
  id: number;
  /** Milliseconds since the request was sent. */
  at: number;
  event: string;
  data: string;
}

/** Milliseconds since the request was sent; null for what has not happened. */
export interface Times {
  head: number | null;
  first: number | null;
  end: number | null;
}

export interface Exchange {
  state: "asking" | "answering" | "done" | "failed" | "aborted";
  protocol: Protocol;
  request: Request;
  head: Head | null;
  frames: readonly Frame[];
  answer: Answer;
  times: Times;
}

export function begun(request: Request, protocol: Protocol): Exchange {
  const times = { head: null, first: null, end: null };
  return { state: "asking", protocol, request, head: null, frames: [], answer: SILENCE, times };
}

/** Ask, and tell of the exchange as it grows. Returns how it ended; never throws. */
export async function ask(
  begin: Exchange,
  signal: AbortSignal,
  tell: (exchange: Exchange) => void = () => undefined,
): Promise<Exchange> {
  const started = performance.now();
  const now = () => Math.round(performance.now() - started);
  let exchange = begin;
  const become = (changes: Partial<Exchange>): void => {
    exchange = { ...exchange, ...changes };
    tell(exchange);
  };
  const end = (state: Exchange["state"], trouble: Trouble | null): Exchange => {
    become({
      state,
      times: { ...exchange.times, end: now() },
      answer: { ...exchange.answer, trouble: exchange.answer.trouble ?? trouble },
    });
    return exchange;
  };

  try {
    const { path, headers, body } = begin.request;
    const response = await fetch(path, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
      signal,
      // As a program would: without the pages' cookie, unless that is what opens the chosen way.
      credentials: headers["x-luna-route"] || headers["x-luna-pipeline"] ? "same-origin" : "omit",
    });
    const head = { status: response.status, headers: [...response.headers] };
    become({ state: "answering", head, times: { ...exchange.times, head: now() } });
    const streamed = (response.headers.get("content-type") ?? "").includes("text/event-stream");
    if (streamed && response.body) {
      await readStream(response.body, begin.protocol, now, () => exchange, become);
      return end(exchange.answer.trouble ? "failed" : "done", null);
    }
    const text = await response.text();
    const frames = [{ id: 0, at: now(), event: "", data: text }];
    if (!response.ok) {
      become({ frames });
      return end("failed", refusal(response.status, text, response.headers.get("x-luna-error") ?? ""));
    }
    become({ frames, answer: whole(text, begin.protocol), times: { ...exchange.times, first: now() } });
    return end(exchange.answer.trouble ? "failed" : "done", null);
  } catch (error) {
    if (signal.aborted) return end("aborted", null);
    return end("failed", { message: error instanceof Error ? error.message : String(error), kind: "", status: 0 });
  }
}

async function readStream(
  body: ReadableStream<Uint8Array>,
  protocol: Protocol,
  now: () => number,
  exchange: () => Exchange,
  become: (changes: Partial<Exchange>) => void,
): Promise<void> {
  const reader = body.getReader();
  const sse = new SseReader();
  let id = 0;
  for (;;) {
    const { done, value } = await reader.read();
    const messages = done ? sse.end() : sse.feed(value);
    const at = now();
    const fresh = messages.map((message): Frame => ({ id: id++, at, ...message }));
    const { answer, frames, times } = exchange();
    const next = fresh.reduce((known, { event, data }) => (event ? fold(known, data, protocol) : known), answer);
    const first = times.first ?? (next.deltas.length > 0 ? at : null);
    if (fresh.length > 0) become({ answer: next, frames: [...frames, ...fresh], times: { ...times, first } });
    if (done) return;
  }
}

/** A header of the answer, or "". */
export function headerOf(exchange: Exchange | null, name: string): string {
  return exchange?.head?.headers.find(([key]) => key === name)?.[1] ?? "";
}
