// What people paste to have an account: a token, a Cookie header, request headers, "copy as cURL", the JSON of the page,
// an export of cookies. Pure: text in, logins out. Whether one is good, luna and Qwen say.

/** How a pasted login was understood. */
export type Kind = "token" | "cookies" | "headers" | "curl" | "json" | "cookieList" | "unknown";

export interface Pasted {
  /** The line on which it begins, from 1. */
  line: number;
  kind: Kind;
  /** What luna takes, by its names: `token`, `cookies`, `refresh_token`, `userAgent`, and the page's own headers. */
  credentials: Record<string, string>;
  /** A name or an address that stands beside it. */
  label: string;
}

const PAGE_HEADERS = new Set([
  "bx-v",
  "bx-ua",
  "bx-umidtoken",
  "sec-ch-ua",
  "sec-ch-ua-mobile",
  "sec-ch-ua-platform",
  "accept-language",
]);
const HEADER = /^\s*:?(cookie|authorization|user-agent|bx-[a-z]+|sec-ch-ua[a-z-]*|accept-language)\s*:\s*(.*)$/i;
const COOKIE_PAIR = /^[\w!#$%&'*+.^`|~-]+=[^;\s]*$/;
const TOKEN = /^[\w-]{8,}\.[\w-]+\.[\w-]*$|^[\w.~+/=-]{32,}$/;

type Json = Record<string, unknown>;

/** Everything that can be read from a text, in its order. Lines that say nothing are kept as `unknown`. */
export function readPasted(text: string): Pasted[] {
  const whole = parsed(text);
  if (whole !== undefined) return ofJson(whole, 1);
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const found: Pasted[] = [];
  let index = 0;
  while (index < lines.length) {
    const line = lines[index] ?? "";
    const start = index;
    if (!line.trim()) index += 1;
    else if (/^\s*curl\s/.test(line)) {
      const [command, next] = continued(lines, index);
      index = next;
      found.push(ofCurl(command, start + 1));
    } else if (HEADER.test(line)) {
      const block: string[] = [];
      while (index < lines.length && (lines[index] ?? "").trim()) block.push(lines[index++] ?? "");
      found.push(ofHeaders(block, start + 1));
    } else {
      index += 1;
      found.push(...ofLine(line.trim(), start + 1));
    }
  }
  return found;
}

function parsed(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function ofLine(line: string, at: number): Pasted[] {
  const json = parsed(line);
  if (json !== undefined) return ofJson(json, at);
  const bare = unquoted(line.replace(/^bearer\s+/i, ""));
  if (TOKEN.test(bare) && !line.includes(";")) return [made(at, "token", { token: bare })];
  const pairs = line.split(";").filter((pair) => pair.trim());
  if (pairs.length > 0 && pairs.every((pair) => COOKIE_PAIR.test(pair.trim())))
    return [made(at, "cookies", { cookies: line })];
  return [made(at, "unknown", {})];
}

// Headers, and a command that has them

function ofHeaders(block: readonly string[], at: number): Pasted {
  const headers: Record<string, string> = {};
  for (const line of block) {
    const [, name = "", value = ""] = HEADER.exec(line) ?? [];
    if (name) headers[name.toLowerCase()] = value.trim();
  }
  return made(at, "headers", fromHeaders(headers));
}

function fromHeaders(headers: Record<string, string>): Record<string, string> {
  const page = Object.entries(headers).filter(([name]) => PAGE_HEADERS.has(name));
  return {
    token: (headers["authorization"] ?? "").replace(/^bearer\s+/i, ""),
    cookies: headers["cookie"] ?? "",
    userAgent: headers["user-agent"] ?? "",
    ...Object.fromEntries(page),
  };
}

/** A command over several lines, each ended by a backslash (or a caret, as Windows has it). */
function continued(lines: readonly string[], from: number): [string, number] {
  let index = from;
  let command = "";
  for (;;) {
    const line = lines[index] ?? "";
    index += 1;
    const more = /[\\^]\s*$/.test(line);
    command += more ? `${line.replace(/[\\^]\s*$/, "")} ` : line;
    if (!more || index >= lines.length) return [command, index];
  }
}

function ofCurl(command: string, at: number): Pasted {
  const words = shellWords(command);
  const headers: Record<string, string> = {};
  words.forEach((word, index) => {
    const value = words[index + 1] ?? "";
    if (word === "-H" || word === "--header") {
      const [name = "", ...rest] = value.split(":");
      headers[name.trim().toLowerCase()] = rest.join(":").trim();
    } else if (word === "-b" || word === "--cookie") headers["cookie"] = value;
    else if (word === "-A" || word === "--user-agent") headers["user-agent"] = value;
  });
  return made(at, "curl", fromHeaders(headers));
}

/** The words of a command line, with '…', "…" and $'…' around some of them. */
export function shellWords(command: string): string[] {
  const words: string[] = [];
  const piece = /\$?'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(\S+)/gs;
  for (const [all, single, double, plain] of command.matchAll(piece)) {
    if (plain !== undefined) words.push(plain);
    else if (double !== undefined) words.push(double.replace(/\\(.)/gs, "$1"));
    else words.push(all.startsWith("$") ? (single ?? "").replace(/\\(.)/gs, "$1") : (single ?? ""));
  }
  return words;
}

// JSON

function ofJson(value: unknown, at: number): Pasted[] {
  if (typeof value === "string") return ofLine(value, at);
  if (isCookieList(value)) return [made(at, "cookieList", { cookies: joined(value) })];
  if (Array.isArray(value)) return value.flatMap((one) => ofJson(one, at));
  if (!isObject(value)) return [made(at, "unknown", {})];
  const inner = ["data", "credentials"].map((name) => value[name]).find(isObject);
  if (inner && !hasLogin(value)) return ofJson({ ...inner, label: labelOf(value) || labelOf(inner) }, at);
  const cookies = value["cookies"] ?? value["cookie"];
  const page = Object.entries(value).filter(([name, one]) => PAGE_HEADERS.has(name.toLowerCase()) && isText(one));
  const credentials = {
    token: textOf(value, "token", "accessToken", "access_token") || stored(value),
    cookies: isCookieList(cookies) ? joined(cookies) : isText(cookies) ? cookies : "",
    refresh_token: textOf(value, "refresh_token", "refreshToken"),
    userAgent: textOf(value, "userAgent", "user_agent", "user-agent"),
    ...(Object.fromEntries(page) as Record<string, string>),
  };
  return [made(at, "json", credentials, labelOf(value))];
}

function hasLogin(value: Json): boolean {
  return ["token", "accessToken", "access_token", "cookies", "cookie"].some((name) => Boolean(value[name]));
}

/** The token in the storage that a browser's automation exports: `{origins: [{localStorage: [{name, value}]}]}`. */
function stored(value: Json): string {
  const origins = Array.isArray(value["origins"]) ? value["origins"].filter(isObject) : [];
  const items = origins.flatMap((origin) =>
    Array.isArray(origin["localStorage"]) ? (origin["localStorage"] as unknown[]) : [],
  );
  const token = items.filter(isObject).find((item) => item["name"] === "token")?.["value"];
  return isText(token) ? unquoted(token) : "";
}

function labelOf(value: Json): string {
  return textOf(value, "label", "name", "email");
}

function isCookieList(value: unknown): value is Json[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((one) => isObject(one) && isText(one["name"]) && "value" in one)
  );
}

function joined(cookies: readonly Json[]): string {
  return cookies.map((one) => `${String(one["name"])}=${String(one["value"])}`).join("; ");
}

// Small things

function made(line: number, kind: Kind, credentials: Record<string, string>, label = ""): Pasted {
  const given = Object.fromEntries(Object.entries(credentials).filter(([, value]) => value.trim()));
  const login = given["token"] ?? given["cookies"];
  return { line, kind: login ? kind : "unknown", credentials: login ? given : {}, label };
}

function textOf(value: Json, ...names: string[]): string {
  return names.map((name) => value[name]).find((one): one is string => isText(one) && one.trim() !== "") ?? "";
}

function unquoted(text: string): string {
  return text.trim().replace(/^(["'])(.*)\1$/s, "$2");
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** How many cookies a header holds. */
export function countCookies(header: string | undefined): number {
  return (header ?? "").split(";").filter((pair) => pair.includes("=")).length;
}
