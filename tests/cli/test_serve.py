"""`luna serve` as a person meets it: what it prints, what it refuses, how it ends."""

import signal
import socket
import threading
from pathlib import Path

import httpcore
import msgspec
import pytest

from tests.support.command import environment, luna, serving


def test_the_demo_says_what_it_is_and_answers(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--demo") as running:
        answer = running.chat("Hello!")
        assert answer.status == 200
        assert b"look-alike" in answer.content
        assert (b"x-luna-demo", b"true") in answer.headers
        assert running.end() == 0
    printed = running.log.read_text()
    assert f"luna listens on {running.url}" in printed
    assert "DEMO: no Qwen account is configured" in printed
    assert "/login?key=luna-" in printed
    assert "experimental" not in printed
    assert "Traceback" not in printed


def test_the_login_url_is_printed_once_and_works(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data, "--demo") as running:
        url = next(word for word in running.log.read_text().split() if "/login?key=" in word)
        answer = httpcore.request("GET", url)
        assert answer.status == 303
        assert any(name.lower() == b"set-cookie" for name, _ in answer.headers)
    assert (data / "admin.key").stat().st_mode & 0o777 == 0o600
    key = luna("key", data_dir=data)
    assert (key.returncode, key.stdout.strip()) == (0, url.partition("=")[2])
    with serving(data, "--demo") as running:
        assert key.stdout.strip() not in running.log.read_text()


def test_without_an_account_a_chat_gets_a_503_that_says_what_to_do(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as running:
        assert "No Qwen account is configured" in running.log.read_text()
        answer = running.chat("Hello!")
        assert answer.status == 503
        assert b"QWEN_AI_TOKEN" in answer.content
        assert running.get("/health").status == 200
        assert running.get("/health/ready").status == 503


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_running_answer_may_finish_after_the_signal(tmp_path: Path, how: signal.Signals) -> None:
    with serving(tmp_path / "data", "--demo") as running:
        got: list[bytes] = []
        started = threading.Event()

        def read() -> None:
            asked = b'[{"role": "user", "content": "[[count:60]][[pace:20]]"}]'
            body = b'{"model": "qwen3.7-plus", "stream": true, "messages": %b}' % asked
            headers = [("content-type", "application/json")]
            with httpcore.stream("POST", f"{running.url}/v1/chat/completions", headers=headers, content=body) as answer:
                for chunk in answer.iter_stream():
                    got.append(chunk)
                    started.set()

        reader = threading.Thread(target=read)
        reader.start()
        assert started.wait(5)
        running.process.send_signal(how)
        reader.join(10)
        assert b"".join(got).endswith(b"data: [DONE]\n\n")
        assert b'"finish_reason":"stop"' in b"".join(got)
        assert running.process.wait(10) == 0


def test_beyond_loopback_a_proxy_key_is_needed(tmp_path: Path) -> None:
    refused = luna("serve", "--host", "0.0.0.0", data_dir=tmp_path)
    assert refused.returncode == 2
    assert "LUNA_PROXY_KEY" in refused.stderr


def test_beyond_loopback_a_key_that_was_made_before_is_enough(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data, "--demo", LUNA_ADMIN_KEY="admin") as running:
        named = [("authorization", "Bearer admin"), ("content-type", "application/json")]
        answer = httpcore.request("POST", f"{running.url}/api/keys", headers=named, content=b'{"name": "laptop"}')
        key: bytes = msgspec.json.decode(answer.content)["key"].encode()
    with serving(data, "--demo", "--host", "0.0.0.0") as running:
        assert running.get("/v1/models").status == 401
        shown = [("authorization", b"Bearer " + key)]
        assert httpcore.request("GET", f"{running.url}/v1/models", headers=shown).status == 200


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        refused = luna("serve", "--port", port, data_dir=tmp_path)
    assert refused.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_configuration_that_does_not_compile_starts_nothing(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text("version: 1\nroutes:\n  - name: a\n    pipline: chat\n")
    refused = luna("serve", "--routes", str(tmp_path / "routes.yaml"), data_dir=tmp_path / "data")
    assert refused.returncode == 1
    assert "routes.yaml:4:5: " in refused.stderr
    assert "did you mean 'pipeline'" in refused.stderr


@pytest.mark.parametrize(
    ("variable", "value"), [("LUNA_PORT", "many"), ("LUNA_MAX_BODY", "a lot"), ("LUNA_QWEN_BASE_URL", "chat.qwen.ai")]
)
def test_a_bad_setting_is_named(tmp_path: Path, variable: str, value: str) -> None:
    refused = luna("serve", data_dir=tmp_path, environ={variable: value})
    assert refused.returncode == 2
    assert variable in refused.stderr


def test_every_command_has_help() -> None:
    assert "LUNA_DATA_DIR" in environment(Path())
    for command in ("serve", "check", "explain", "replay", "key", "version"):
        told = luna(command, "--help", data_dir=Path("unused"))
        assert told.returncode == 0
        assert "usage: luna" in told.stdout
    assert luna("nonsense", data_dir=Path("unused")).returncode == 2


def test_no_secret_is_said_on_the_console(tmp_path: Path) -> None:
    """A client names an account that does not exist, by words that are secrets: known ones, and such as look it."""
    token, cookie, key = "canary-7c1f0b-of-the-token", "canary-3e9d44-of-the-cookie", "sk-canary-5a5a5a5a5a"
    login = {"QWEN_AI_TOKEN": token, "QWEN_AI_COOKIES": f"token={token}; ssxmod={cookie}"}
    body = b'{"model": "qwen3.7-plus", "messages": [{"role": "user", "content": "Hello!"}]}'
    with serving(tmp_path / "data", **login) as running:
        for name in (token, cookie, key, "nobody-special"):
            headers = [("content-type", "application/json"), ("x-luna-account-id", name)]
            url = f"{running.url}/v1/chat/completions"
            assert httpcore.request("POST", url, headers=headers, content=body).status >= 400
        assert running.end() == 0
    printed = running.log.read_text()
    assert "nobody-special" in printed, "what was asked for is said"
    assert "canary" not in printed
