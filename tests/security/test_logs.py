"""Nobody writes lines into luna's log but luna: what a client or Qwen says stays within the line that tells of it, and
a terminal that shows the log obeys none of it."""

import logging
import re
from pathlib import Path
from typing import Any

import httpcore
import msgspec

from luna.state.discretion import DiscreetFormatter, Discretion
from tests.support.command import serving
from tests.support.ports import free_port

ADMIN_KEY = "test-admin-key"
FORGED = "2026-11-22 12:00:00,000 ERROR   luna.server: forged-by-a-stranger"
_DOCUMENT = '{"level": "error", "message": "forged-by-a-stranger"}'
HOSTILE = f"x\r\n{FORGED}\n{_DOCUMENT}\n\x1b[2J\x1b]0;owned\x07\x9b31m\u2028{FORGED}"
OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
"""By a terminal, or by what splits lines."""


def test_nothing_that_is_sent_begins_a_line_or_moves_the_cursor(tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    environ = {"LUNA_ADMIN_KEY": ADMIN_KEY, "LUNA_LOG": "debug", "QWEN_AI_TOKEN": "token-of-nobody"}
    with serving(tmp_path / "data", LUNA_QWEN_BASE_URL=nowhere, LUNA_QWEN_AUTH_URL=nowhere, **environ) as luna:
        bodies: list[dict[str, Any]] = [
            {"model": HOSTILE, "messages": [{"role": "user", "content": "x"}]},
            {"model": "qwen3.7-plus", "messages": [{"role": "user", "content": HOSTILE}], "session_id": HOSTILE},
            {"model": "qwen3.7-plus", "messages": [{"role": "user", "content": HOSTILE}], "account": HOSTILE},
            {"model": "qwen3.7-plus", "messages": [{"role": "user", "content": "x"}], "user": HOSTILE, HOSTILE: 1},
        ]
        for body in bodies:
            for path in ("/v1/chat/completions", "/v1/messages", "/v1/responses"):
                luna.request("POST", path, msgspec.json.encode(body | {"input": HOSTILE, "max_tokens": 9}))
        for path in ("/%0d%0a" + FORGED.replace(" ", "%20"), "/v1/%1b%5b2J%0aforged", "/api/%0aforged"):
            luna.get(path)
        key = [("authorization", f"Bearer {ADMIN_KEY}"), ("content-type", "application/json")]
        for path, asked in (
            ("/api/network-profiles", {"id": HOSTILE, "mode": "http-proxy", "proxyUrl": HOSTILE}),
            ("/api/accounts", {"id": HOSTILE, "credentials": {"token": HOSTILE}}),
            ("/api/keys", {"name": HOSTILE}),
            ("/api/login", {"key": HOSTILE}),
        ):
            httpcore.request("POST", luna.url + path, headers=key, content=msgspec.json.encode(asked))
        kept = httpcore.request("GET", f"{luna.url}/api/logs?limit=1000", headers=key)
    said = luna.log.read_bytes().decode()
    lines = said.splitlines()
    assert len(lines) > 3 and any("WARNING" in line or "ERROR" in line for line in lines)
    assert not OBEYED.search(said)
    assert not [line for line in lines if line.startswith((FORGED, "{"))], "a line of its own"
    entries = msgspec.json.decode(kept.content)
    assert entries and all(entry["logger"].startswith("luna") for entry in entries)
    assert not [entry for entry in entries if entry["message"].startswith("forged")]


def test_what_is_logged_of_somebody_else_stays_within_its_line() -> None:
    formatter = DiscreetFormatter(Discretion(), "%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    try:
        raise ValueError(HOSTILE)
    except ValueError as error:
        failure = (type(error), error, error.__traceback__)
    record = logging.LogRecord("luna", logging.WARNING, "x.py", 1, "Qwen says %s", (HOSTILE,), failure)
    first, *rest = formatter.format(record).splitlines()
    assert "Qwen says x" in first and "Traceback" in "".join(rest)
    assert all(line.startswith("    ") for line in rest)
    assert not OBEYED.search("".join([first, *rest]))
