"""A tool server of the smallest kind (Model Context Protocol on standard input and output): `read_secret(path)`.

Owns one tool, which a client offers to the model only after the model has searched for it.
"""

import sys
from pathlib import Path
from typing import Any

import msgspec

TOOL = {
    "name": "read_secret",
    "description": "Reads the secret in a file.",
    "inputSchema": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
}


def answer(method: str, asked: dict[str, Any]) -> dict[str, Any]:
    """What a request gets."""
    match method:
        case "initialize":
            return {
                "protocolVersion": asked["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "vault", "version": "1"},
            }
        case "tools/list":
            return {"tools": [TOOL]}
        case "tools/call":
            return {"content": [{"type": "text", "text": Path(asked["arguments"]["path"]).read_text()}]}
        case _:
            return {}


def main() -> None:
    """Answer line by line; what has no id wants no answer."""
    for line in sys.stdin.buffer:
        asked = msgspec.json.decode(line)
        if "id" in asked:
            said = {"jsonrpc": "2.0", "id": asked["id"], "result": answer(asked["method"], asked.get("params") or {})}
            sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
