"""The clients, as data: what each sends first, and the settings with which it finds luna.

Owns the table, taken from what current versions of the clients really send, in short: the same routes, headers, fields
and shapes of messages, with one or two tools of their many. In settings stand `$url` (without /v1), `$model` and
`$key`. Knows nothing of how a request is put together or judged.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from luna.doctor.streams import Protocol

FILE = "/luna/doctor/word.txt"
"""The file that the task names. Nobody has it: its content comes from the doctor alone."""


@dataclass(frozen=True)
class Tool:
    """One that the client offers. `arguments` read the file."""

    name: str
    about: str
    properties: Mapping[str, Any]
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Opening:
    """A request that comes before, or beside, the first turn. `statuses`: what the client can live with."""

    name: str
    path: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    statuses: tuple[int, ...] = (200,)
    body: Literal["none", "count", "title"] = "none"


@dataclass(frozen=True)
class Snippet:
    """Something to paste. `where`: into what."""

    where: str
    text: str


@dataclass(frozen=True)
class Client:
    """One client."""

    name: str
    title: str
    protocol: Protocol
    path: str
    settings: tuple[Snippet, ...]
    headers: tuple[tuple[str, str], ...] = ()
    tools: tuple[Tool, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the body beside model, messages, tools and stream."""
    openings: tuple[Opening, ...] = ()
    whole: bool = False
    """After an error it sends the same request without streaming, and lives on that answer."""
    parts: bool = False
    """Words of users and results of tools are lists of parts."""

    def __repr__(self) -> str:
        return f"<Client {self.name}>"


_TEXT = {"type": "string"}
_PATHS = {"type": "array", "items": {"type": "object", "properties": {"path": _TEXT}, "required": ["path"]}}


def _reader(name: str, parameter: str) -> Tool:
    return Tool(name, "Reads a file from the disk.", {parameter: _TEXT}, {parameter: FILE})


def _shell(name: str, parameter: str) -> Tool:
    return Tool(name, "Runs a shell command.", {parameter: _TEXT}, {parameter: f"cat {FILE}"})


def _title(path: str) -> Opening:
    return Opening("title", path, "POST", body="title")


_CHAT = "/v1/chat/completions"
_USAGE = {"stream_options": {"include_usage": True}}
_BETAS = "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27"
_ANTHROPIC = (("anthropic-version", "2023-06-01"), ("anthropic-beta", _BETAS))

CLAUDE_CODE = Client(
    "claude-code",
    "Claude Code",
    "messages",
    "/v1/messages?beta=true",
    (
        Snippet(
            "the environment",
            """\
export ANTHROPIC_BASE_URL=$url
export ANTHROPIC_AUTH_TOKEN=$key
export ANTHROPIC_MODEL=$model
export ANTHROPIC_DEFAULT_HAIKU_MODEL=$model
export ANTHROPIC_DEFAULT_SONNET_MODEL=$model
export ANTHROPIC_DEFAULT_OPUS_MODEL=$model
export CLAUDE_CODE_MAX_CONTEXT_TOKENS=131072
export CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1""",
        ),
    ),
    headers=(
        *_ANTHROPIC,
        ("user-agent", "claude-cli/2.1.330 (external, cli)"),
        ("x-app", "cli"),
        ("x-stainless-timeout", "600"),
    ),
    tools=(_reader("Read", "file_path"), _shell("Bash", "command")),
    more={
        "max_tokens": 32000,
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "medium"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "metadata": {"user_id": '{"device_id":"doctor"}'},
    },
    openings=(
        Opening("is it there", "/api/hello", "HEAD", statuses=(200, 204, 401, 403, 404, 405)),
        Opening("models", "/v1/models?limit=1000", headers=_ANTHROPIC),
        Opening("count tokens", "/v1/messages/count_tokens?beta=true", "POST", body="count"),
    ),
    whole=True,
    parts=True,
)

CODEX = Client(
    "codex",
    "Codex",
    "responses",
    "/v1/responses",
    (
        Snippet(
            "~/.codex/config.toml",
            """\
model = "$model"
model_provider = "luna"

[model_providers.luna]
name = "luna"
base_url = "$url/v1"
env_key = "PROXY_KEY"
wire_api = "responses\"""",
        ),
        Snippet("the environment", "export PROXY_KEY=$key"),
    ),
    headers=(("user-agent", "codex_exec/0.169.0"), ("originator", "codex_exec")),
    tools=(_shell("shell_command", "command"),),
    more={
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "reasoning": {"summary": "auto"},
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "doctor",
    },
    openings=(
        Opening(
            "WebSocket",
            "/v1/responses",
            headers=(
                *(("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13")),
                ("sec-websocket-key", "bHVuYSBkb2N0b3IuLi4uLg=="),
            ),
            statuses=(426,),
        ),
    ),
)

CLINE = Client(
    "cline",
    "Cline",
    "chat",
    _CHAT,
    (
        Snippet("a terminal (Cline CLI)", "cline auth -p openai -k $key -m $model -b $url/v1"),
        Snippet(
            "the settings of the extension",
            "API Provider: OpenAI Compatible\nBase URL: $url/v1\nAPI Key: $key\nModel ID: $model",
        ),
    ),
    headers=(("user-agent", "Cline/3.0.65"), ("x-title", "Cline")),
    tools=(
        Tool("read_files", "Reads files.", {"files": _PATHS}, {"files": [{"path": FILE}]}),
        _shell("run_commands", "command"),
    ),
    more={**_USAGE, "tool_choice": "auto"},
)

AIDER = Client(
    "aider",
    "aider",
    "chat",
    _CHAT,
    (
        Snippet("the environment", "export OPENAI_API_BASE=$url/v1\nexport OPENAI_API_KEY=$key"),
        Snippet("a terminal", "aider --model openai/$model"),
    ),
    headers=(("user-agent", "OpenAI/Python 1.99.1"), ("x-stainless-lang", "python")),
    more={"temperature": 0},
)

OPENCODE = Client(
    "opencode",
    "opencode",
    "chat",
    _CHAT,
    (
        Snippet(
            "opencode.json",
            """\
{
  "provider": {
    "luna": {
      "npm": "@ai-sdk/openai-compatible",
      "name": "luna",
      "options": {"baseURL": "$url/v1", "apiKey": "$key"},
      "models": {"$model": {"name": "$model"}}
    }
  },
  "model": "luna/$model",
  "small_model": "luna/$model"
}""",
        ),
    ),
    headers=(("user-agent", "opencode/1.18.33"), ("x-session-id", "ses_doctor"), ("x-session-affinity", "ses_doctor")),
    tools=(_reader("read", "filePath"), _shell("bash", "command")),
    more={**_USAGE, "max_tokens": 32000, "tool_choice": "auto"},
    openings=(_title(_CHAT),),
)

QWEN_CODE = Client(
    "qwen-code",
    "Qwen Code",
    "chat",
    _CHAT,
    (
        Snippet(
            "the environment",
            "export OPENAI_BASE_URL=$url/v1\nexport OPENAI_API_KEY=$key\nexport OPENAI_MODEL=$model",
        ),
        Snippet("a terminal", "qwen --auth-type openai"),
    ),
    headers=(("user-agent", "QwenCode/0.24.4 (linux; x64)"),),
    tools=(_reader("read_file", "absolute_path"), _shell("run_shell_command", "command")),
    more={**_USAGE, "max_tokens": 32768},
    parts=True,
)

CONTINUE = Client(
    "continue",
    "Continue",
    "chat",
    _CHAT,
    (
        Snippet(
            "~/.continue/config.yaml",
            """\
name: luna
version: 1.0.0
schema: v1
models:
  - name: luna
    provider: openai
    model: $model
    apiBase: $url/v1
    apiKey: $key
    capabilities: [tool_use]
    roles: [chat, edit, apply]""",
        ),
    ),
    headers=(("user-agent", "Continue/1.5.47"), ("x-api-key", "")),
    tools=(_reader("Read", "filepath"), _shell("Bash", "command")),
    more={**_USAGE, "parallel_tool_calls": False},
)

CLIENTS = (CLAUDE_CODE, CODEX, CLINE, AIDER, OPENCODE, QWEN_CODE, CONTINUE)
"""As the table in the README lists them."""


def settings_of(client: Client, url: str, model: str, key: str) -> list[Snippet]:
    """What to paste, filled in."""
    fill = {"$url": url, "$model": model, "$key": key}
    filled = []
    for snippet in client.settings:
        text = snippet.text
        for name, value in fill.items():
            text = text.replace(name, value)
        filled.append(Snippet(snippet.where, text))
    return filled
