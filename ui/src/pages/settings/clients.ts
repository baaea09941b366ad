// How clients are told where luna is: every client and every text in one place. Pure.

export interface Place {
  /** `http://127.0.0.1:8080` */
  origin: string;
  model: string;
  key: string;
}

export interface Snippet {
  /** What it is: a file's name, or the language. Not translated. */
  title: string;
  text: string;
}

export interface Client {
  id: string;
  /** Its own name. */
  name: string;
  snippets: (place: Place) => Snippet[];
}

const lines = (...all: string[]): string => all.join("\n");

export const clients: readonly Client[] = [
  {
    id: "openai",
    name: "OpenAI SDK",
    snippets: ({ origin, model, key }) => [
      {
        title: "Python",
        text: lines(
          "from openai import OpenAI",
          "",
          `client = OpenAI(base_url="${origin}/v1", api_key="${key}")`,
          "answer = client.chat.completions.create(",
          `    model="${model}",`,
          '    messages=[{"role": "user", "content": "Hello!"}],',
          ")",
          "print(answer.choices[0].message.content)",
        ),
      },
      {
        title: "JavaScript",
        text: lines(
          'import OpenAI from "openai";',
          "",
          `const client = new OpenAI({ baseURL: "${origin}/v1", apiKey: "${key}" });`,
          "const answer = await client.chat.completions.create({",
          `  model: "${model}",`,
          '  messages: [{ role: "user", content: "Hello!" }],',
          "});",
          "console.log(answer.choices[0].message.content);",
        ),
      },
    ],
  },
  {
    id: "anthropic",
    name: "Anthropic SDK",
    snippets: ({ origin, model, key }) => [
      {
        title: "Python",
        text: lines(
          "from anthropic import Anthropic",
          "",
          `client = Anthropic(base_url="${origin}", api_key="${key}")`,
          "answer = client.messages.create(",
          `    model="${model}",`,
          "    max_tokens=1024,",
          '    messages=[{"role": "user", "content": "Hello!"}],',
          ")",
          "print(answer.content[0].text)",
        ),
      },
      {
        title: "JavaScript",
        text: lines(
          'import Anthropic from "@anthropic-ai/sdk";',
          "",
          `const client = new Anthropic({ baseURL: "${origin}", apiKey: "${key}" });`,
          "const answer = await client.messages.create({",
          `  model: "${model}",`,
          "  max_tokens: 1024,",
          '  messages: [{ role: "user", content: "Hello!" }],',
          "});",
          "console.log(answer.content[0].text);",
        ),
      },
    ],
  },
  {
    id: "claude-code",
    name: "Claude Code",
    snippets: ({ origin, model, key }) => [
      {
        title: "Terminal",
        text: lines(
          `export ANTHROPIC_BASE_URL=${origin}`,
          `export ANTHROPIC_AUTH_TOKEN=${key}`,
          `export ANTHROPIC_MODEL=${model}`,
          `export ANTHROPIC_DEFAULT_HAIKU_MODEL=${model}`,
          "export CLAUDE_CODE_MAX_CONTEXT_TOKENS=131072",
          "claude",
        ),
      },
    ],
  },
  {
    id: "codex",
    name: "Codex",
    snippets: ({ origin, model, key }) => [
      {
        title: "~/.codex/config.toml",
        text: lines(
          `model = "${model}"`,
          'model_provider = "luna"',
          "",
          "[model_providers.luna]",
          'name = "luna"',
          `base_url = "${origin}/v1"`,
          'env_key = "LUNA_KEY"',
          'wire_api = "responses"',
        ),
      },
      { title: "Terminal", text: lines(`export LUNA_KEY=${key}`, "codex") },
    ],
  },
  {
    id: "cline",
    name: "Cline",
    snippets: ({ origin, model, key }) => [
      {
        title: "VS Code",
        text: lines(
          "API Provider: OpenAI Compatible",
          `Base URL: ${origin}/v1`,
          `API Key: ${key}`,
          `Model ID: ${model}`,
        ),
      },
      { title: "Terminal", text: `cline auth -p openai -k ${key} -m ${model} -b ${origin}/v1` },
    ],
  },
  {
    id: "qwen-code",
    name: "Qwen Code",
    snippets: ({ origin, model, key }) => [
      {
        title: "Terminal",
        text: lines(
          `export OPENAI_BASE_URL=${origin}/v1`,
          `export OPENAI_API_KEY=${key}`,
          `export OPENAI_MODEL=${model}`,
          "qwen --auth-type openai",
        ),
      },
    ],
  },
  {
    id: "opencode",
    name: "opencode",
    snippets: ({ origin, model, key }) => [
      {
        title: "opencode.json",
        text: JSON.stringify(
          {
            $schema: "https://opencode.ai/config.json",
            provider: {
              luna: {
                npm: "@ai-sdk/openai-compatible",
                options: { baseURL: `${origin}/v1`, apiKey: key },
                models: { [model]: {} },
              },
            },
            model: `luna/${model}`,
          },
          null,
          2,
        ),
      },
    ],
  },
  {
    id: "aider",
    name: "aider",
    snippets: ({ origin, model, key }) => [
      {
        title: "Terminal",
        text: lines(
          `export OPENAI_API_BASE=${origin}/v1`,
          `export OPENAI_API_KEY=${key}`,
          `aider --model openai/${model}`,
        ),
      },
    ],
  },
  {
    id: "continue",
    name: "Continue",
    snippets: ({ origin, model, key }) => [
      {
        title: "config.yaml",
        text: lines(
          "name: luna",
          "version: 0.0.1",
          "schema: v1",
          "models:",
          `  - name: ${model}`,
          "    provider: openai",
          `    model: ${model}`,
          `    apiBase: ${origin}/v1`,
          `    apiKey: ${key}`,
          "    capabilities: [tool_use]",
        ),
      },
    ],
  },
  {
    id: "goose",
    name: "Goose",
    snippets: ({ origin, model, key }) => [
      {
        title: "Terminal",
        text: lines(
          "export GOOSE_PROVIDER=openai",
          `export GOOSE_MODEL=${model}`,
          `export OPENAI_HOST=${origin}`,
          `export OPENAI_API_KEY=${key}`,
          "goose session",
        ),
      },
    ],
  },
  {
    id: "curl",
    name: "curl",
    snippets: ({ origin, model, key }) => [
      {
        title: "Terminal",
        text: lines(
          `curl -sS ${origin}/v1/chat/completions \\`,
          `  -H 'Authorization: Bearer ${key}' \\`,
          "  -H 'Content-Type: application/json' \\",
          `  -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello!"}]}'`,
        ),
      },
    ],
  },
];
