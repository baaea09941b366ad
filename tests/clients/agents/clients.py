"""The agents, as data: what each is given, how it is started, and where its final answer is.

Owns one `Agent` for each client and protocol. In commands, environments and files stand `$url` (without /v1), `$model`,
`$key`, `$home`, `$work` and `$task`. Knows nothing of what is asked, nor of what must come back.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from tests.clients.agents.installs import AIDER, CLAUDE_CODE, CLINE, CODEX, OPENCODE, PI, QWEN_CODE, ROOT, Install
from tests.support.agent_model import OUT


@dataclass(frozen=True)
class Outcome:
    """What a run left."""

    code: int
    output: str
    """Standard output."""
    errors: str
    """Standard error."""
    work: Path

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The lines of the output that are JSON objects."""
        return [msgspec.json.decode(line) for line in self.output.splitlines() if line.startswith("{")]


@dataclass(frozen=True)
class Agent:
    """One client with one protocol."""

    name: str
    install: Install
    command: tuple[str, ...]
    """The first word is a program of the installation."""
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """Below HOME."""
    before: tuple[tuple[str, ...], ...] = ()
    """Commands that set it up."""
    answer: Callable[[Outcome], str] = lambda outcome: outcome.output
    """The final answer of the model, and nothing else."""
    shell: bool = False
    """Its model is asked to use the client's shell, not its file reader."""
    tool: str = ""
    """Its model is asked to use this one, for which it has to search first."""
    patches: bool = False
    """Its model writes `out.txt` by calling a tool that takes a patch."""
    delivers: bool = False
    """Its model gives the final answer by calling a tool for it."""
    edits: bool = False
    """It has no tools: it reads the secret file itself, and the model edits `out.txt`."""

    def __repr__(self) -> str:
        return f"<Agent {self.name}>"


def _claude_answer(outcome: Outcome) -> str:
    result = outcome.objects[-1]
    assert (result["type"], result["subtype"], result["is_error"]) == ("result", "success", False), result
    assert result["usage"]["input_tokens"] > 0, result
    return str(result["result"])


def _codex_answer(outcome: Outcome) -> str:
    done = [line for line in outcome.objects if line["type"] == "item.completed"]
    ran = [line["item"] for line in done if line["item"]["type"] in ("command_execution", "mcp_tool_call")]
    assert [(item["status"], item.get("exit_code", 0)) for item in ran] == [("completed", 0)], outcome.output
    assert outcome.objects[-1]["type"] == "turn.completed", outcome.output
    assert outcome.objects[-1]["usage"]["input_tokens"] > 0, outcome.output
    return str([line["item"]["text"] for line in done if line["item"]["type"] == "agent_message"][-1])


def _cline_answer(outcome: Outcome) -> str:
    result = outcome.objects[-1]
    assert (result["type"], result["finishReason"]) == ("run_result", "completed"), result
    return str(result["text"])


def _edited(outcome: Outcome) -> str:
    return (outcome.work / OUT).read_text()


def _json(document: object) -> str:
    return msgspec.json.encode(document).decode()


_SCHEMA = {
    "type": "object",
    "properties": {"marker": {"type": "string"}},
    "required": ["marker"],
    "additionalProperties": False,
}


def _claude_code(
    name: str, *more: str, shell: bool = False, tool: str = "", delivers: bool = False, **environment: str
) -> Agent:
    allowed = ("Read", "Bash(cat:*)", *((tool,) if tool else ()))
    servers = {
        "mcpServers": {
            "vault": {
                "command": sys.executable,
                "args": ["-m", "tests.clients.agents.vault"],
                "env": {"PYTHONPATH": str(ROOT)},
            }
        }
    }
    return Agent(
        name,
        CLAUDE_CODE,
        ("claude", "-p", "$task", "--output-format", "json", *more, "--allowedTools", *allowed),
        environment={
            "ANTHROPIC_BASE_URL": "$url",
            "ANTHROPIC_AUTH_TOKEN": "$key",
            "ANTHROPIC_MODEL": "$model",
            "ANTHROPIC_DEFAULT_HAIKU_MODEL": "$model",
            "ANTHROPIC_DEFAULT_SONNET_MODEL": "$model",
            "ANTHROPIC_DEFAULT_OPUS_MODEL": "$model",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_MAX_CONTEXT_TOKENS": "131072",
            "CLAUDE_CONFIG_DIR": "$home/claude",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_ERROR_REPORTING": "1",
            "DISABLE_TELEMETRY": "1",
            **environment,
        },
        files={"servers.json": _json(servers)},
        answer=_claude_answer,
        shell=shell,
        tool=tool,
        delivers=delivers,
    )


_CODEX_CONFIG = """
model = "$model"
model_provider = "local"
approval_policy = "never"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false
[analytics]
enabled = false
[features]
apps = false
plugins = false
remote_plugin = false
[model_providers.local]
name = "local"
base_url = "$url/v1"
env_key = "LOCAL_KEY"
wire_api = "responses"
"""


_CODEX_SERVERS = f"""
[mcp_servers.vault]
command = {_json(sys.executable)}
args = ["-m", "tests.clients.agents.vault"]
env = {{ PYTHONPATH = {_json(str(ROOT))} }}
default_tools_approval_mode = "approve"
"""


def _codex(name: str, *more: str, model: str = "$model", tool: str = "", patches: bool = False) -> Agent:
    return Agent(
        name,
        CODEX,
        ("codex", "exec", "--skip-git-repo-check", "--json", *more, "$task"),
        environment={"CODEX_HOME": "$home/codex", "LOCAL_KEY": "$key"},
        files={
            "codex/config.toml": _CODEX_CONFIG.replace("$model", model, 1) + (_CODEX_SERVERS if tool else ""),
            "schema.json": _json(_SCHEMA),
        },
        answer=_codex_answer,
        shell=not tool,
        tool=tool,
        patches=patches,
    )


_QWEN_SETTINGS = {
    "privacy": {"usageStatisticsEnabled": False},
    "telemetry": {"enabled": False},
    "general": {"enableAutoUpdate": False, "disableAutoUpdate": True},
}


def _qwen_code(name: str, protocol: str, *, shell: bool = False) -> Agent:
    settings = _QWEN_SETTINGS | {"security": {"auth": {"selectedType": protocol}}}
    base = "$url/v1" if protocol == "openai" else "$url"
    prefix = protocol.upper()
    return Agent(
        name,
        QWEN_CODE,
        ("qwen", "--auth-type", protocol, "--yolo", "-p", "$task"),
        environment={f"{prefix}_BASE_URL": base, f"{prefix}_API_KEY": "$key", f"{prefix}_MODEL": "$model"},
        files={".qwen/settings.json": _json(settings)},
        shell=shell,
    )


def _opencode(name: str, package: str, *, shell: bool = False) -> Agent:
    config = {
        "provider": {
            "local": {
                "npm": package,
                "name": "local",
                "options": {"baseURL": "$url/v1", "apiKey": "$key"},
                "models": {"$model": {"name": "$model"}},
            }
        },
        "model": "local/$model",
        "small_model": "local/$model",
        "autoupdate": False,
        "share": "disabled",
        "permission": {"*": "allow", "external_directory": "allow"},
    }
    return Agent(
        name,
        OPENCODE,
        ("opencode", "run", "--model", "local/$model", "$task"),
        environment={
            "OPENCODE_CONFIG": "$home/opencode.json",
            "OPENCODE_DISABLE_AUTOUPDATE": "1",
            "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
        },
        files={"opencode.json": _json(config)},
        shell=shell,
    )


def _cline(name: str) -> Agent:
    own = ("--data-dir", "$home/cline")
    return Agent(
        name,
        CLINE,
        (
            *("cline", *own, "-P", "openai", "-m", "$model", "-c", "$work"),
            *("--json", "--auto-approve", "true", "--retries", "1", "$task"),
        ),
        environment={"CLINE_GLOBAL_SETTINGS_PATH": "$home/cline-settings.json"},
        files={"cline-settings.json": _json({"telemetryOptOut": True, "autoUpdateEnabled": False})},
        before=(("cline", "auth", "-p", "openai", "-k", "$key", "-m", "$model", "-b", "$url/v1", *own),),
        answer=_cline_answer,
    )


def _aider(name: str, provider: str, base: str, notation: str) -> Agent:
    prefix = provider.upper()
    return Agent(
        name,
        AIDER,
        (
            *("aider", "--model", f"{provider}/$model", "--edit-format", notation, "--read", "secret.txt"),
            *("--yes-always", "--no-git", "--no-auto-commits", "--no-check-update", "--no-analytics"),
            *("--no-show-model-warnings", "--no-show-release-notes", "--no-pretty", "--no-fancy-input"),
            *("--map-tokens", "0", "--message", "$task", OUT),
        ),
        environment={f"{prefix}_API_BASE": base, f"{prefix}_API_KEY": "$key", "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        answer=_edited,
        edits=True,
    )


def _pi(name: str, api: str, base: str) -> Agent:
    provider = {"baseUrl": base, "api": api, "apiKey": "$key", "models": [{"id": "$model"}]}
    return Agent(
        name,
        PI,
        ("pi", "--provider", "local", "--model", "$model", "--no-session", "-p", "$task"),
        environment={"PI_CODING_AGENT_DIR": "$home/pi", "PI_OFFLINE": "1", "PI_TELEMETRY": "0"},
        files={"pi/models.json": _json({"providers": {"local": provider}})},
    )


AGENTS = (
    _claude_code("claude-code reads"),
    _claude_code("claude-code runs a shell", shell=True),
    _claude_code("claude-code with all its tools", ENABLE_TOOL_SEARCH="0"),
    _claude_code(
        "claude-code as it comes",
        ANTHROPIC_MODEL="",
        ANTHROPIC_DEFAULT_HAIKU_MODEL="",
        ANTHROPIC_DEFAULT_SONNET_MODEL="",
        ANTHROPIC_DEFAULT_OPUS_MODEL="",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="",
        CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY="1",
    ),
    _claude_code(
        "claude-code searches for a tool", "--mcp-config", "$home/servers.json", tool="mcp__vault__read_secret"
    ),
    _claude_code("claude-code answers in JSON", "--json-schema", _json(_SCHEMA), delivers=True),
    _codex("codex"),
    _codex("codex with a model that it knows", model="gpt-5.5"),
    _codex("codex writes a patch", model="gpt-5.5", patches=True),
    _codex("codex searches for a tool", model="gpt-5.5", tool="mcp__vault__read_secret"),
    _codex("codex answers in JSON", "--output-schema", "$home/schema.json"),
    _qwen_code("qwen-code reads", "openai"),
    _qwen_code("qwen-code runs a shell", "openai", shell=True),
    _qwen_code("qwen-code on messages", "anthropic"),
    _opencode("opencode on chat", "@ai-sdk/openai-compatible"),
    _opencode("opencode on messages", "@ai-sdk/anthropic", shell=True),
    _opencode("opencode on responses", "@ai-sdk/openai"),
    _cline("cline"),
    _aider("aider edits", "openai", "$url/v1", "diff"),
    _aider("aider writes whole files", "anthropic", "$url", "whole"),
    _pi("pi on chat", "openai-completions", "$url/v1"),
    _pi("pi on messages", "anthropic-messages", "$url"),
    _pi("pi on responses", "openai-responses", "$url/v1"),
)
