"""Asks every route of the admin API for all that its description allows: `python -m tests.fuzz.api --seconds 600`.

A luna of its own runs in a process of its own, with a look-alike behind it, a data directory and a configuration that
nobody else has: what can be deleted is deleted. Requests are made by schemathesis from `/api/openapi.json`, some of
them wrong on purpose; now and then an id in a path is one that exists. Each round begins with the settings of the
first. What must hold of every answer:

    status    one that says what happened; never a 500, and another 5xx only where its body says whose fault it is
    body      the described shape, or the one shape of errors
    headers   those that every answer has
    process   it goes on, and its log tells of nothing unforeseen
"""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpcore
import hypothesis
import msgspec
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given
from schemathesis.checks import not_a_server_error
from schemathesis.core import NotSet
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.core.transport import Response
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from luna.admin.envelope import ErrorDocument
from luna.model.errors import Kind
from tests.support.command import ROOT, environment
from tests.support.ports import free_port

KEY = "fuzz-admin-key"
PATIENCE = 300.0
"""Seconds that one answer may take: a probe runs several flows, each of which may wait for its turn."""
SHORT = 0.5
"""Seconds for which a stream of events is listened to."""
ABROAD = frozenset(
    {
        Kind.NO_ACCOUNT,
        Kind.EGRESS_CLOSED,
        Kind.OVERLOADED,
        Kind.TIMEOUT,
        Kind.UPSTREAM_LOGIN,
        Kind.UPSTREAM_BLOCKED,
        Kind.UPSTREAM_REJECTED,
        Kind.UPSTREAM_BROKEN,
        Kind.UPSTREAM_TRANSIENT,
    }
)
"""Kinds of 5xx that are the truth: Qwen, or the way to it, is what fails, and luna says so."""
SECURE = ("x-content-type-options", "x-frame-options", "referrer-policy", "cross-origin-resource-policy")
READY = "GET /health/ready"
"""Says 503 in words of its own: it is asked by machines."""
CHANGES = ("POST", "PUT", "PATCH")
LISTS = {
    "/api/accounts": ("accounts", "id"),
    "/api/chats": ("chats", "id"),
    "/api/config-files": ("files", "name"),
    "/api/flows": ("", "id"),
    "/api/keys": ("keys", "name"),
    "/api/network-profiles": ("", "id"),
    "/api/overflow": ("files", "name"),
    "/api/pipelines": ("pipelines", "name"),
    "/api/runs": ("", "id"),
    "/api/sessions": ("", "id"),
    "/api/workers": ("", "id"),
}
"""By route: where in its answer what exists stands."""


@dataclass
class Fuzzed:
    """A luna that may be asked for anything."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path
    data: Path
    secrets: list[str]
    """Of its account, and the key that opens it."""
    asked: Counter[str] = field(default_factory=Counter)
    answered: Counter[int] = field(default_factory=Counter)

    def get(self, path: str) -> Any:
        """A document."""
        answer = self.request("GET", path)
        return msgspec.json.decode(answer.content) if answer.status == 200 else None

    def request(self, method: str, path: str, body: Any = None) -> httpcore.Response:
        """Anything, with the key."""
        headers = [("authorization", f"Bearer {KEY}"), ("content-type", "application/json")]
        content = msgspec.json.encode(body) if body is not None else None
        return httpcore.request(method, self.url + path, headers=headers, content=content)

    def chat(self, words: str) -> None:
        """A request that leaves a run, a session, a chat and a recording."""
        body = {"model": "qwen3.7-plus", "messages": [{"role": "user", "content": words}]}
        self.request("POST", "/v1/chat/completions", body)

    def troubles(self) -> list[str]:
        """What the process should not have done."""
        told = self.log.read_text(errors="replace")
        found = [line for line in told.splitlines() if "Traceback" in line or "unexpected" in line]
        return found if self.process.poll() is None else [*found, f"it ended with {self.process.returncode}", told]


@contextmanager
def fuzzed(folder: Path) -> Iterator[Fuzzed]:
    """Start it, with the look-alike; end both."""
    home, data = folder / "home", folder / "data"
    home.mkdir()
    data.mkdir()
    for name in ("pipelines", "prompts", "schemas"):
        shutil.copytree(ROOT / name, home / name)
    shutil.copy(ROOT / "routes.yaml", home / "routes.yaml")
    with _process([sys.executable, "-m", "luna.demo"], home, {}, subprocess.PIPE) as qwen:
        assert qwen.stdout is not None
        told = msgspec.json.decode(qwen.stdout.readline())
        port = free_port()
        # Nothing of it may leave this machine, whoever asks.
        settings = {"settings": {"egressIsolation": {"verifyIpUrl": f"{told['url']}/ip"}}}
        (data / "config.json").write_bytes(msgspec.json.encode(settings))
        (data / "config.json").chmod(0o600)
        environ = environment(
            data,
            LUNA_ADMIN_KEY=KEY,
            LUNA_QWEN_BASE_URL=told["url"],
            LUNA_QWEN_AUTH_URL=told["url"],
            QWEN_AI_TOKEN=told["token"],
            QWEN_AI_COOKIES=told["cookies"],
            LUNA_ROUTES=str(home / "routes.yaml"),
            LUNA_RECORD="all",
            LUNA_BROWSER=str(home / "no-browser"),
        )
        log = folder / "luna.log"
        command = [sys.executable, "-m", "luna", "serve", "--port", str(port)]
        with log.open("wb") as output, _process(command, home, environ, output) as luna:
            cookies = [pair.partition("=")[2] for pair in told["cookies"].split("; ")]
            running = Fuzzed(f"http://127.0.0.1:{port}", luna, log, data, [KEY, told["token"], *cookies])
            _await(running)
            for words in ("Hello!", "[[think]] What is up?"):
                running.chat(words)
            yield running


@contextmanager
def _process(command: list[str], home: Path, environ: dict[str, str], output: Any) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command, cwd=home, env=environ or None, stdout=output, stderr=None if output == subprocess.PIPE else output
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _await(running: Fuzzed) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and running.process.poll() is None:
        try:
            httpcore.request("GET", f"{running.url}/health")
        except httpcore.ConnectError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"luna did not start:\n{running.log.read_text()}")


class Search:
    """Goes through all operations, round after round."""

    def __init__(self, running: Fuzzed, seed: int) -> None:
        self._running = running
        self._draw = random.Random(seed)
        self._session = requests.Session()
        self._session.headers["authorization"] = f"Bearer {KEY}"
        self._known: dict[str, list[str]] = {}
        described = running.get("/api/openapi.json")
        self._schema = schemathesis.openapi.from_dict(described)
        found = list(self._schema.get_all_operations())
        assert all(isinstance(one, Ok) for one in found), "an operation cannot be understood"
        self.operations = [one.ok() for one in found if isinstance(one, Ok)]
        self._settings = running.get("/api/config")["settings"]
        self.failures: dict[str, str] = {}
        """By the operation and what is wrong: one example."""

    def round(self, cases: int, until: float) -> None:
        """Every operation, so many times."""
        self._put_in_order()
        self._look_around()
        operations = self._draw.sample(self.operations, len(self.operations))
        # Before a breakpoint holds what they ask.
        for operation in sorted(operations, key=lambda one: not one.path.startswith("/api/debug/")):
            if time.monotonic() > until:
                return
            self._ask(operation, cases, until)

    def _put_in_order(self) -> None:
        """Or after the first changes of the settings nobody would be answered any more."""
        for path, body in (("/api/config", {"settings": self._settings}), ("/api/accounts/env/enable", {})):
            self._session.post(self._running.url + path, json=body, timeout=PATIENCE)
        for one in self._running.get("/api/breakpoints")["armed"]:
            self._session.delete(f"{self._running.url}/api/breakpoints/{one['id']}", timeout=PATIENCE)

    def _look_around(self) -> None:
        for path, (within, name) in LISTS.items():
            told = self._running.get(path)
            rows = told.get(within, []) if isinstance(told, dict) else told or []
            self._known[path] = [str(row[name]) for row in rows if isinstance(row, dict) and name in row]

    def _ask(self, operation: Any, cases: int, until: float) -> None:
        wrong = (operation.body or operation.query) and self._draw.random() < 0.3
        mode = GenerationMode.NEGATIVE if wrong else GenerationMode.POSITIVE

        @hypothesis.seed(self._draw.getrandbits(32))
        @hypothesis.settings(
            max_examples=cases,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            if time.monotonic() < until:
                self._try(operation, case)

        ask()

    def _try(self, operation: Any, case: Any) -> None:
        label = f"{operation.method.upper()} {operation.path}"
        subject = next((path for path in LISTS if operation.path.startswith(path + "/")), "")
        if case.path_parameters and self._known.get(subject) and self._draw.random() < 0.6:
            name = next(iter(case.path_parameters))
            case.path_parameters[name] = self._draw.choice(self._known[subject])
        if case.method in CHANGES and isinstance(case.body, NotSet):
            case.headers = {**(case.headers or {}), "content-type": "application/json"}
        self._running.asked[label] += 1
        if operation.path == "/api/events":
            self._listen(case)
            return
        try:
            response = case.call(
                base_url=self._running.url, session=self._session, timeout=PATIENCE, allow_redirects=False
            )
        except requests.RequestException as error:
            self._failed(label, f"no answer: {type(error).__name__}", f"{case.as_curl_command()}: {error}")
            return
        self._running.answered[response.status_code] += 1
        self._judge(label, case, response)

    def _judge(self, label: str, case: Any, response: Response) -> None:
        missing = [name for name in SECURE if name not in response.headers]
        if missing:
            self._failed(label, f"{response.status_code} without {missing}", case.as_curl_command())
        if response.status_code >= 400:
            self._judge_error(label, case, response)
            return
        checks = [
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
        ]
        try:
            case.validate_response(response, checks=checks)
        except FailureGroup as group:
            for failure in group.exceptions:
                what = f"{response.status_code}: {type(failure).__name__}"
                self._failed(label, what, f"{failure}\n{case.as_curl_command()}\n{response.content[:600]!r}")

    def _judge_error(self, label: str, case: Any, response: Response) -> None:
        status = response.status_code
        if label == READY and status == 503:
            return
        try:
            error = msgspec.json.decode(response.content, type=ErrorDocument).error
        except (msgspec.MsgspecError, UnicodeError):
            self._failed(label, f"{status} in another shape", f"{case.as_curl_command()}\n{response.content[:600]!r}")
            return
        if status == 500 or (status > 500 and error.kind not in ABROAD):
            self._failed(label, f"{status} {error.kind}", f"{case.as_curl_command()}\n{error.message} {error.hint}")

    def _listen(self, case: Any) -> None:
        query = {name: str(value) for name, value in (case.query or {}).items()}
        patience = {"read": SHORT, "connect": 5.0}
        headers = [("authorization", f"Bearer {KEY}")]
        url = requests.Request("GET", f"{self._running.url}/api/events", params=query).prepare().url or ""
        with httpcore.stream("GET", url, headers=headers, extensions={"timeout": patience}) as answer:
            self._running.answered[answer.status] += 1
            if answer.status >= 500:
                self._failed("GET /api/events", str(answer.status), url)

    def told(self) -> str:
        """What was found, for people."""
        return "\n\n".join(f"{what}\n{example}" for what, example in self.failures.items())

    def _failed(self, label: str, what: str, example: str) -> None:
        self.failures.setdefault(f"{label}: {what}", example)


def main() -> int:
    """Search for as long as is said; 1 when something was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    parser.add_argument("--cases", type=int, default=12, help="requests to each operation in each round")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, fuzzed(Path(folder)) as running:
        search, until = Search(running, options.seed), time.monotonic() + options.seconds
        while time.monotonic() < until:
            search.round(options.cases, until)
        troubles = running.troubles()
        asked, silent = running.asked, [one for one in search.operations if not running.asked[one.label]]
        print(f"seed {options.seed}: {asked.total()} requests to {len(asked)} operations: {dict(running.answered)}")
    print(search.told())
    for line in troubles:
        print(f"\nlog: {line}")
    if silent:
        print(f"never asked: {[one.label for one in silent]}")
    return 1 if search.failures or troubles or silent else 0


if __name__ == "__main__":
    raise SystemExit(main())
