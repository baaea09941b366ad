// The same request as a program would send it: curl, Python, JavaScript. Pure.
import type { Protocol } from "./draft";
import type { Request } from "./request";

export interface Snippet {
  id: "curl" | "python" | "javascript";
  /** Not translated. */
  name: string;
  text: string;
}

export const PROXY_KEY = "YOUR_KEY";
export const ADMIN_KEY = "YOUR_ADMIN_KEY";

/** `request` has the placeholders above in place of keys. */
export function snippetsOf(origin: string, request: Request, protocol: Protocol): Snippet[] {
  return [
    { id: "curl", name: "curl", text: curl(origin, request) },
    { id: "python", name: "Python", text: python(origin, request, protocol) },
    { id: "javascript", name: "JavaScript", text: javascript(origin, request, protocol) },
  ];
}

function curl(origin: string, { path, headers, body }: Request): string {
  const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
  return [
    `curl -sS${body["stream"] ? " -N" : ""} ${origin}${path}`,
    ...Object.entries(headers).map(([name, value]) => `  -H ${quoted(`${name}: ${value}`)}`),
    `  -d ${quoted(JSON.stringify(body, null, 2))}`,
  ].join(" \\\n");
}

/** What the SDKs send by themselves. */
const OWN = new Set(["content-type", "authorization", "x-api-key", "anthropic-version"]);

function extraHeaders({ headers }: Request): Record<string, string> {
  const chosen = "x-luna-route" in headers || "x-luna-pipeline" in headers;
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !OWN.has(name) || (chosen && name === "authorization")),
  );
}

/** Fields that are luna's own: the Python SDKs take those apart from the rest. */
const EXTRA: Record<Protocol, readonly string[]> = { openai: [], anthropic: ["response_format"] };

function python(origin: string, request: Request, protocol: Protocol): string {
  const { body } = request;
  const headers = extraHeaders(request);
  const extra = Object.fromEntries(Object.entries(body).filter(([name]) => EXTRA[protocol].includes(name)));
  const fields = Object.entries(body).filter(([name]) => !EXTRA[protocol].includes(name));
  const given = [
    ...fields.map(([name, value]): [string, unknown] => [name, value]),
    ...(Object.keys(headers).length > 0 ? [["extra_headers", headers] as [string, unknown]] : []),
    ...(Object.keys(extra).length > 0 ? [["extra_body", extra] as [string, unknown]] : []),
  ].map(([name, value]) => `    ${name}=${pythonValue(value, 1)},`);
  const begin =
    protocol === "anthropic"
      ? [
          "from anthropic import Anthropic",
          "",
          `client = Anthropic(base_url="${origin}", api_key="${PROXY_KEY}")`,
          "answer = client.messages.create(",
        ]
      : [
          "from openai import OpenAI",
          "",
          `client = OpenAI(base_url="${origin}/v1", api_key="${PROXY_KEY}")`,
          "answer = client.chat.completions.create(",
        ];
  const end = body["stream"] ? ["for part in answer:", "    print(part)"] : ["print(answer)"];
  return [...begin, ...given, ")", ...end].join("\n");
}

export function pythonValue(value: unknown, depth: number): string {
  const inner = "    ".repeat(depth + 1);
  const outer = "    ".repeat(depth);
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    return `[\n${value.map((item) => `${inner}${pythonValue(item, depth + 1)},\n`).join("")}${outer}]`;
  }
  if (typeof value === "object") {
    const entries = Object.entries(value);
    if (entries.length === 0) return "{}";
    const lines = entries.map(([key, item]) => `${inner}${JSON.stringify(key)}: ${pythonValue(item, depth + 1)},\n`);
    return `{\n${lines.join("")}${outer}}`;
  }
  return JSON.stringify(value);
}

function javascript(origin: string, request: Request, protocol: Protocol): string {
  const headers = extraHeaders(request);
  const body = JSON.stringify(request.body, null, 2);
  const options = Object.keys(headers).length > 0 ? `, { headers: ${JSON.stringify(headers)} }` : "";
  const begin =
    protocol === "anthropic"
      ? [
          'import Anthropic from "@anthropic-ai/sdk";',
          "",
          `const client = new Anthropic({ baseURL: "${origin}", apiKey: "${PROXY_KEY}" });`,
          `const answer = await client.messages.create(${body}${options});`,
        ]
      : [
          'import OpenAI from "openai";',
          "",
          `const client = new OpenAI({ baseURL: "${origin}/v1", apiKey: "${PROXY_KEY}" });`,
          `const answer = await client.chat.completions.create(${body}${options});`,
        ];
  const end = request.body["stream"]
    ? ["for await (const part of answer) console.log(part);"]
    : ["console.log(answer);"];
  return [...begin, ...end].join("\n");
}
