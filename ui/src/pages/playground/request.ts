// The request that a draft amounts to, in either protocol, and what is wrong with the draft. Pure.
import type { Call, Draft, Protocol, Tool, Turn } from "./draft";

type Json = Record<string, unknown>;

export interface Request {
  path: string;
  headers: Record<string, string>;
  body: Json;
}

export interface Keys {
  /** The proxy key; "" for none. */
  proxy: string;
  /** luna's admin key, which a chosen route needs; "" where the browser's cookie says it. */
  admin: string;
}

/** One thing that keeps the draft from being sent. `place` is a field, or `tool 0`. */
export interface Problem {
  place: string;
  kind: "model" | "messages" | "number" | "json" | "object" | "name" | "twice";
  /** What a parser said. */
  said: string;
}

const ANTHROPIC_VERSION = "2023-06-01";
/** Anthropic's protocol demands a limit. */
const ANTHROPIC_TOKENS = 4096;
const THINKING_TOKENS = 2048;
const TOOL_NAME = /^[\w-]{1,64}$/;

export function requestOf(draft: Draft, turns: readonly Turn[], keys: Keys, protocol = draft.protocol): Request {
  const anthropic = protocol === "anthropic";
  return {
    path: anthropic ? "/v1/messages" : "/v1/chat/completions",
    headers: headersOf(draft, keys, protocol),
    body: anthropic ? anthropicBody(draft, turns) : openaiBody(draft, turns),
  };
}

function headersOf(draft: Draft, keys: Keys, protocol: Protocol): Record<string, string> {
  const [kind, ...rest] = draft.way.split(" ");
  const chosen = rest.join(" ");
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (chosen && keys.admin) {
    headers["authorization"] = `Bearer ${keys.admin}`;
    if (keys.proxy) headers["x-proxy-key"] = keys.proxy;
  } else if (keys.proxy) {
    headers[protocol === "anthropic" ? "x-api-key" : "authorization"] =
      protocol === "anthropic" ? keys.proxy : `Bearer ${keys.proxy}`;
  }
  if (protocol === "anthropic") headers["anthropic-version"] = ANTHROPIC_VERSION;
  if (chosen) headers[kind === "pipeline" ? "x-luna-pipeline" : "x-luna-route"] = chosen;
  if (draft.session) headers["x-luna-session-id"] = draft.session;
  if (draft.account) headers["x-luna-account-id"] = draft.account;
  return headers;
}

// OpenAI

function openaiBody(draft: Draft, turns: readonly Turn[]): Json {
  const limit = Number(draft.maxTokens);
  return {
    model: draft.model,
    messages: [
      ...(draft.system.trim() ? [{ role: "system", content: draft.system }] : []),
      ...turns.map((turn) => openaiMessage(turn)),
    ],
    ...(draft.stream ? { stream: true, stream_options: { include_usage: true } } : {}),
    ...(limit > 0 ? { max_tokens: limit } : {}),
    ...(draft.thinking ? { reasoning_effort: { thinking: "high", auto: "auto", fast: "none" }[draft.thinking] } : {}),
    ...(draft.format === "json" ? { response_format: { type: "json_object" } } : {}),
    ...(draft.format === "schema"
      ? {
          response_format: {
            type: "json_schema",
            json_schema: { name: "answer", schema: parsed(draft.schema), strict: true },
          },
        }
      : {}),
    ...(draft.tools.length > 0
      ? {
          tools: draft.tools.map((tool) => ({
            type: "function",
            function: { name: tool.name, description: tool.about, parameters: parsed(tool.schema) },
          })),
          tool_choice: draft.choice,
        }
      : {}),
  };
}

function openaiMessage(turn: Turn): Json {
  switch (turn.role) {
    case "user":
      return {
        role: "user",
        content:
          turn.pictures.length === 0
            ? turn.text
            : [
                ...(turn.text ? [{ type: "text", text: turn.text }] : []),
                ...turn.pictures.map((url) => ({ type: "image_url", image_url: { url } })),
              ],
      };
    case "assistant":
      return {
        role: "assistant",
        content: turn.text || (turn.calls.length > 0 ? null : ""),
        ...(turn.calls.length > 0
          ? {
              tool_calls: turn.calls.map((call) => ({
                id: call.id,
                type: "function",
                function: { name: call.name, arguments: call.arguments },
              })),
            }
          : {}),
      };
    case "tool":
      return { role: "tool", tool_call_id: turn.call.id, content: turn.text };
  }
}

// Anthropic

function anthropicBody(draft: Draft, turns: readonly Turn[]): Json {
  const limit = Number(draft.maxTokens);
  return {
    model: draft.model,
    max_tokens: limit > 0 ? limit : ANTHROPIC_TOKENS,
    ...(draft.system.trim() ? { system: draft.system } : {}),
    messages: anthropicMessages(turns),
    ...(draft.stream ? { stream: true } : {}),
    ...(draft.thinking ? { thinking: anthropicThinking(draft.thinking) } : {}),
    ...(draft.format === "json" ? { response_format: { type: "json_object" } } : {}),
    ...(draft.format === "schema"
      ? { output_config: { format: { type: "json_schema", schema: parsed(draft.schema) } } }
      : {}),
    ...(draft.tools.length > 0
      ? {
          tools: draft.tools.map((tool) => ({
            name: tool.name,
            description: tool.about,
            input_schema: parsed(tool.schema),
          })),
          tool_choice: { type: draft.choice === "required" ? "any" : draft.choice },
        }
      : {}),
  };
}

function anthropicThinking(thinking: "thinking" | "auto" | "fast"): Json {
  switch (thinking) {
    case "thinking":
      return { type: "enabled", budget_tokens: THINKING_TOKENS };
    case "auto":
      return { type: "adaptive" };
    case "fast":
      return { type: "disabled" };
  }
}

/** Roles take turns: results of tools, and what the user says after them, are one message. */
function anthropicMessages(turns: readonly Turn[]): Json[] {
  const messages: { role: string; content: Json[] }[] = [];
  for (const turn of turns) {
    const role = turn.role === "assistant" ? "assistant" : "user";
    const last = messages.at(-1);
    const content = last?.role === role ? last.content : [];
    if (last?.role !== role) messages.push({ role, content });
    content.push(...blocks(turn));
  }
  return messages.map(({ role, content }) => {
    const [only] = content;
    return content.length === 1 && only?.["type"] === "text" ? { role, content: only["text"] } : { role, content };
  });
}

function blocks(turn: Turn): Json[] {
  switch (turn.role) {
    case "user":
      return [
        ...turn.pictures.map((url) => ({ type: "image", source: source(url) })),
        ...(turn.text || turn.pictures.length === 0 ? [{ type: "text", text: turn.text }] : []),
      ];
    case "assistant":
      return [
        ...(turn.text || turn.calls.length === 0 ? [{ type: "text", text: turn.text }] : []),
        ...turn.calls.map((call) => ({ type: "tool_use", id: call.id, name: call.name, input: input(call) })),
      ];
    case "tool":
      return [{ type: "tool_result", tool_use_id: turn.call.id, content: turn.text }];
  }
}

function source(url: string): Json {
  const data = /^data:([^;,]+);base64,(.*)$/s.exec(url);
  return data ? { type: "base64", media_type: data[1], data: data[2] } : { type: "url", url };
}

function input(call: Call): unknown {
  try {
    return JSON.parse(call.arguments || "{}") as unknown;
  } catch {
    return {};
  }
}

// What is wrong

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return {};
  }
}

function schemaProblem(place: string, text: string): Problem[] {
  try {
    const schema = JSON.parse(text) as unknown;
    const object = typeof schema === "object" && schema !== null && !Array.isArray(schema);
    return object ? [] : [{ place, kind: "object", said: "" }];
  } catch (error) {
    return [{ place, kind: "json", said: error instanceof Error ? error.message : "" }];
  }
}

/** Everything that keeps it from being sent. */
export function problemsOf(draft: Draft, turns: readonly Turn[]): Problem[] {
  const found: Problem[] = [];
  if (!draft.model.trim()) found.push({ place: "model", kind: "model", said: "" });
  if (turns.length === 0) found.push({ place: "messages", kind: "messages", said: "" });
  if (draft.maxTokens.trim() && !/^[1-9]\d*$/.test(draft.maxTokens.trim()))
    found.push({ place: "maxTokens", kind: "number", said: "" });
  if (draft.format === "schema") found.push(...schemaProblem("schema", draft.schema));
  draft.tools.forEach((tool, index) => found.push(...toolProblems(tool, index, draft.tools)));
  return found;
}

function toolProblems(tool: Tool, index: number, tools: readonly Tool[]): Problem[] {
  const place = `tool ${index}`;
  const twice = tools.findIndex((other) => other.name === tool.name) !== index;
  return [
    ...(TOOL_NAME.test(tool.name) ? [] : [{ place: `${place} name`, kind: "name", said: "" } as const]),
    ...(twice ? [{ place: `${place} name`, kind: "twice", said: "" } as const] : []),
    ...schemaProblem(`${place} schema`, tool.schema),
  ];
}
