// What an answer amounts to, frame by frame, in either protocol. Pure.
import type { Call, Protocol } from "./draft";

export interface Delta {
  kind: "text" | "thinking" | "call";
  text: string;
}

export interface Usage {
  input: number;
  output: number;
  thinking: number;
}

/** What went wrong. */
export interface Trouble {
  message: string;
  /** luna's word for it, or the protocol's. */
  kind: string;
  /** 0 where the connection broke. */
  status: number;
}

export interface Answer {
  text: string;
  thinking: string;
  calls: readonly Call[];
  /** Why it ended, in the protocol's word. */
  finish: string;
  usage: Usage | null;
  trouble: Trouble | null;
  deltas: readonly Delta[];
}

export const SILENCE: Answer = {
  text: "",
  thinking: "",
  calls: [],
  finish: "",
  usage: null,
  trouble: null,
  deltas: [],
};

interface OpenAICall {
  index?: number;
  id?: string;
  function?: { name?: string; arguments?: string };
}

interface Said {
  content?: string | null;
  reasoning_content?: string | null;
  tool_calls?: OpenAICall[];
}

interface Told {
  message?: string;
  type?: string;
  code?: string | null;
}

interface OpenAIFrame {
  choices?: { delta?: Said; message?: Said; finish_reason?: string | null }[];
  usage?: {
    prompt_tokens?: number;
    completion_tokens?: number;
    completion_tokens_details?: { reasoning_tokens?: number };
  } | null;
  error?: Told;
}

interface Block {
  type?: string;
  id?: string;
  name?: string;
  text?: string;
  thinking?: string;
  input?: unknown;
}

interface AnthropicUsage {
  input_tokens?: number;
  output_tokens?: number;
}

interface AnthropicFrame {
  type?: string;
  message?: { usage?: AnthropicUsage };
  content_block?: Block;
  delta?: { type?: string; text?: string; thinking?: string; partial_json?: string; stop_reason?: string | null };
  usage?: AnthropicUsage;
  content?: Block[];
  stop_reason?: string | null;
  error?: Told;
}

/** The answer after one more frame. What is no JSON (`[DONE]`) adds nothing. */
export function fold(answer: Answer, data: string, protocol: Protocol): Answer {
  const frame = read(data);
  if (!frame) return answer;
  if (frame.error) return { ...answer, trouble: trouble(frame.error, 200) };
  return protocol === "anthropic" ? anthropicFrame(answer, frame) : openaiFrame(answer, frame);
}

/** A whole document that was not streamed. */
export function whole(data: string, protocol: Protocol): Answer {
  const document = read(data);
  if (document && protocol === "anthropic" && document.content) {
    const read = document.content.reduce((answer, block) => opened(answer, block), SILENCE);
    return { ...read, finish: document.stop_reason ?? "", usage: anthropicUsage(read.usage, document.usage) };
  }
  return fold(SILENCE, data, protocol);
}

/** What a refusal says, whatever its form. */
export function refusal(status: number, body: string, kind: string): Trouble {
  const told = read(body)?.error;
  if (told) return { ...trouble(told, status), ...(kind ? { kind } : {}) };
  return { message: body.slice(0, 500), kind, status };
}

function read(data: string): (OpenAIFrame & AnthropicFrame) | null {
  try {
    const document = JSON.parse(data) as unknown;
    return typeof document === "object" ? document : null;
  } catch {
    return null;
  }
}

function trouble({ message = "", code, type }: Told, status: number): Trouble {
  return { message, kind: code ?? type ?? "", status };
}

function openaiFrame(answer: Answer, frame: OpenAIFrame): Answer {
  let next = answer;
  const choice = frame.choices?.[0];
  const said = choice?.delta ?? choice?.message;
  if (said?.reasoning_content) next = spoken(next, "thinking", said.reasoning_content);
  if (said?.content) next = spoken(next, "text", said.content);
  for (const [index, call] of (said?.tool_calls ?? []).entries()) next = called(next, call, index);
  if (choice?.finish_reason) next = { ...next, finish: choice.finish_reason };
  if (frame.usage) {
    const { prompt_tokens: input = 0, completion_tokens: output = 0, completion_tokens_details: more } = frame.usage;
    next = { ...next, usage: { input, output, thinking: more?.reasoning_tokens ?? 0 } };
  }
  return next;
}

function spoken(answer: Answer, kind: "text" | "thinking", text: string): Answer {
  return { ...answer, [kind]: answer[kind] + text, deltas: [...answer.deltas, { kind, text }] };
}

function called(answer: Answer, said: OpenAICall, otherwise: number): Answer {
  const index = said.index ?? otherwise;
  const known = answer.calls[index] ?? { id: "", name: "", arguments: "" };
  const more = said.function?.arguments ?? "";
  const call = {
    id: said.id ?? known.id,
    name: said.function?.name ?? known.name,
    arguments: known.arguments + more,
  };
  const calls = [...answer.calls];
  calls[index] = call;
  const text = answer.calls[index] ? more : `${call.name} ${more}`;
  return { ...answer, calls, deltas: [...answer.deltas, { kind: "call", text }] };
}

function anthropicFrame(answer: Answer, frame: AnthropicFrame): Answer {
  switch (frame.type) {
    case "message_start":
      return { ...answer, usage: anthropicUsage(answer.usage, frame.message?.usage) };
    case "content_block_start":
      return frame.content_block ? opened(answer, frame.content_block) : answer;
    case "content_block_delta": {
      const { text, thinking, partial_json: json } = frame.delta ?? {};
      if (text) return spoken(answer, "text", text);
      if (thinking) return spoken(answer, "thinking", thinking);
      return json ? called(answer, { index: answer.calls.length - 1, function: { arguments: json } }, 0) : answer;
    }
    case "message_delta":
      return {
        ...answer,
        finish: frame.delta?.stop_reason ?? answer.finish,
        usage: anthropicUsage(answer.usage, frame.usage),
      };
    default:
      return answer;
  }
}

function opened(answer: Answer, block: Block): Answer {
  if (block.type === "tool_use") {
    const given = JSON.stringify(block.input ?? {});
    const call = { name: block.name ?? "", arguments: given === "{}" ? "" : given };
    return called(answer, { index: answer.calls.length, id: block.id ?? "", function: call }, 0);
  }
  if (block.text) return spoken(answer, "text", block.text);
  return block.thinking ? spoken(answer, "thinking", block.thinking) : answer;
}

function anthropicUsage(known: Usage | null, said: AnthropicUsage | undefined): Usage | null {
  if (!said) return known;
  return {
    input: said.input_tokens ?? known?.input ?? 0,
    output: said.output_tokens ?? known?.output ?? 0,
    thinking: 0,
  };
}
