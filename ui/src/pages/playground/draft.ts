// What a person has put together: options and a conversation. Types, and how they begin.

export type Protocol = "openai" | "anthropic";

/** A call of a tool, as the model wrote it; `arguments` is JSON. */
export interface Call {
  id: string;
  name: string;
  arguments: string;
}

export type Turn =
  | { role: "user"; text: string; pictures: readonly string[] }
  | { role: "assistant"; text: string; thinking: string; calls: readonly Call[] }
  | { role: "tool"; call: Call; text: string };

export interface Tool {
  name: string;
  about: string;
  /** JSON Schema of its arguments, as text. */
  schema: string;
}

export interface Draft {
  protocol: Protocol;
  model: string;
  /** `route NAME`, `pipeline NAME`, or "" for whatever routes.yaml says. */
  way: string;
  system: string;
  stream: boolean;
  thinking: "" | "thinking" | "auto" | "fast";
  maxTokens: string;
  format: "text" | "json" | "schema";
  /** JSON Schema of the answer, as text. */
  schema: string;
  tools: readonly Tool[];
  choice: "auto" | "required" | "none";
  /** The session to go on with; "": luna finds it by itself. */
  session: string;
  account: string;
}

export const BEGINNING: Draft = {
  protocol: "openai",
  model: "",
  way: "",
  system: "",
  stream: true,
  thinking: "",
  maxTokens: "",
  format: "text",
  schema: JSON.stringify(
    { type: "object", properties: { answer: { type: "string" } }, required: ["answer"], additionalProperties: false },
    null,
    2,
  ),
  tools: [],
  choice: "auto",
  session: "",
  account: "",
};

export const WEATHER: Tool = {
  name: "get_weather",
  about: "The weather of a place.",
  schema: JSON.stringify(
    {
      type: "object",
      properties: { city: { type: "string", description: "Its name." } },
      required: ["city"],
    },
    null,
    2,
  ),
};
