// Asks luna's admin API. Owns the one way in which an answer, an error and a lost login come back.
import createClient from "openapi-fetch";

import type { paths } from "./schema";

/** What luna says went wrong: `{error: {kind, message, hint, param, fields}}`. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly kind: string,
    message: string,
    readonly hint: string,
    readonly fields: readonly { path: string; message: string }[],
    readonly retryAfter: number | null,
    /** The field that is wrong, where it is one. */
    readonly param: string = "",
  ) {
    super(message);
  }
}

type Listener = () => void;
const strangers = new Set<Listener>();

/** Call `listener` when luna no longer knows this browser. Returns the way to stop. */
export function onStranger(listener: Listener): () => void {
  strangers.add(listener);
  return () => strangers.delete(listener);
}

interface ErrorDocument {
  error?: {
    kind?: string;
    message?: string;
    hint?: string;
    param?: string | null;
    fields?: { path: string; message: string }[];
  };
}

export async function errorOf(response: Response): Promise<ApiError> {
  const document = (await response
    .clone()
    .json()
    .catch(() => ({}))) as ErrorDocument;
  const { kind = "", message = response.statusText, hint = "", param, fields = [] } = document.error ?? {};
  const wait = response.headers.get("retry-after");
  return new ApiError(response.status, kind, message, hint, fields, wait === null ? null : Number(wait), param ?? "");
}

export const api = createClient<paths>({ baseUrl: "/", credentials: "same-origin" });

api.use({
  onRequest({ request }) {
    // luna takes changes as JSON alone, so that no form of another site can make one; also those that say nothing more.
    if (request.method !== "GET" && !request.headers.has("content-type"))
      request.headers.set("content-type", "application/json");
    return request;
  },
  async onResponse({ response }) {
    if (response.ok) return response;
    const error = await errorOf(response);
    if (error.status === 401) strangers.forEach((listener) => listener());
    throw error;
  },
});

/** The body of an answer of `api`, which throws instead of answering with an error. */
export async function body<T>(answer: Promise<{ data?: T | undefined }>): Promise<T> {
  return (await answer).data as T;
}
