"""Settings: what the environment and the flags mean, and what they cannot mean."""

from pathlib import Path

import pytest

import luna
from luna.config.settings import Settings, SettingsError, find_routes, shipped_routes


def settings(**environ: str) -> Settings:
    """Settings from these variables and no others."""
    return Settings.from_environment(environ)


def test_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert settings() == Settings(data_dir=tmp_path / "data", routes=shipped_routes())
    assert (settings().host, settings().port, settings().max_body) == ("127.0.0.1", 8080, 33554432)
    assert settings().third_party_stages
    assert settings().record is None


def test_everything_that_can_be_said(tmp_path: Path) -> None:
    found = settings(
        LUNA_HOST="::1",
        LUNA_PORT="9000",
        LUNA_DATA_DIR=str(tmp_path),
        LUNA_ROUTES=str(tmp_path / "r.yaml"),
        LUNA_ADMIN_KEY="admin-1",
        LUNA_PROXY_KEY="one, two,",
        LUNA_ALLOWED_HOSTS="Luna.local, box:8080",
        LUNA_MAX_BODY="1MiB",
        LUNA_QWEN_BASE_URL="http://127.0.0.1:1234/",
        LUNA_QWEN_AUTH_URL="https://auth.example",
        LUNA_STAGES="none",
        LUNA_RECORD="ALL",
        LUNA_LOG="debug",
        QWEN_AI_TOKEN="ey.J.x",
        QWEN_AI_COOKIES="a=b; c=d",
        UNRELATED="x",
    )
    assert found == Settings(
        host="::1",
        port=9000,
        data_dir=tmp_path,
        routes=tmp_path / "r.yaml",
        admin_key="admin-1",
        proxy_keys=("one", "two"),
        allowed_hosts=("luna.local", "box:8080"),
        max_body=1048576,
        qwen_base_url="http://127.0.0.1:1234",
        qwen_auth_url="https://auth.example",
        third_party_stages=False,
        record="all",
        log_level="DEBUG",
        qwen_token="ey.J.x",
        qwen_cookies="a=b; c=d",
    )


def test_empty_variables_are_not_set() -> None:
    assert settings(LUNA_PORT="", LUNA_PROXY_KEY=" ", QWEN_AI_TOKEN="").port == 8080


def test_flags_win(tmp_path: Path) -> None:
    environ = {"LUNA_PORT": "9000", "LUNA_HOST": "0.0.0.0", "LUNA_ROUTES": "/a.yaml", "LUNA_DATA_DIR": "/a"}
    found = Settings.from_environment(
        environ, host="::1", port=1, data_dir=tmp_path, routes=tmp_path / "b.yaml", log_level="error", demo=True
    )
    assert (found.host, found.port, found.data_dir, found.routes) == ("::1", 1, tmp_path, tmp_path / "b.yaml")
    assert (found.log_level, found.demo) == ("ERROR", True)


def test_secrets_do_not_show() -> None:
    found = settings(LUNA_ADMIN_KEY="s3cret", LUNA_PROXY_KEY="s3cret", QWEN_AI_TOKEN="s3cret", QWEN_AI_COOKIES="s3cret")
    assert "s3cret" not in repr(found)
    assert found.admin_key == found.qwen_token == found.qwen_cookies == "s3cret"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("LUNA_HOST", "a b", "must be a host name or an address, got 'a b'."),
        ("LUNA_PORT", "http", "must be a port number from 1 to 65535, got 'http'."),
        ("LUNA_PORT", "0", "must be a port number from 1 to 65535, got '0'."),
        ("LUNA_PORT", "65536", "must be a port number from 1 to 65535, got '65536'."),
        ("LUNA_PORT", "٣", "must be a port number from 1 to 65535, got '٣'."),
        ("LUNA_PORT", "9" * 5000, f"must be a port number from 1 to 65535, got '{'9' * 5000}'."),
        ("LUNA_ADMIN_KEY", "s3cret key", "must be one word of printable ASCII characters."),
        ("LUNA_PROXY_KEY", ",", "must be one key or several, separated by commas, each of printable ASCII characters."),
        (
            "LUNA_PROXY_KEY",
            "s3cret key",
            "must be one key or several, separated by commas, each of printable ASCII characters.",
        ),
        (
            "LUNA_ALLOWED_HOSTS",
            "a, http://b",
            "must be host names separated by commas, without 'http://' or a path; 'http://b' is none.",
        ),
        ("LUNA_MAX_BODY", "much", "must be a size like 512, 64KiB or 5MB, got 'much'."),
        ("LUNA_MAX_BODY", "0", "must be more than 0 bytes."),
        (
            "LUNA_QWEN_BASE_URL",
            "https://me:s3cret@x",
            "must be an http(s) URL without user, password or query, like https://chat.qwen.ai.",
        ),
        (
            "LUNA_QWEN_AUTH_URL",
            "chat.qwen.ai",
            "must be an http(s) URL without user, password or query, like https://chat.qwen.ai.",
        ),
        (
            "LUNA_QWEN_AUTH_URL",
            "http://[::1",
            "must be an http(s) URL without user, password or query, like https://chat.qwen.ai.",
        ),
        ("LUNA_STAGES", "few", "must be 'none' (luna's own stages only) or 'all', got 'few'."),
        ("LUNA_RECORD", "error", "must be one of: off, errors, all; got 'error'. did you mean 'errors'?"),
        ("LUNA_LOG", "verbose", "must be one of: debug, info, warning, error; got 'verbose'."),
        ("QWEN_AI_TOKEN", "s3cret\nx", "must be one word of printable ASCII characters."),
        ("QWEN_AI_COOKIES", "s3cret\nx", "must be one line of printable ASCII characters, as a browser sends it."),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_a_sentence(name: str, value: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(**{name: value})
    assert str(caught.value) == f"{name} {sentence}"
    assert "s3cret" not in str(caught.value)


def test_a_flag_is_called_by_its_own_name() -> None:
    with pytest.raises(SettingsError, match=r"^--port must be"):
        Settings.from_environment({}, port=70000)


def test_where_routes_yaml_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_routes() == shipped_routes()
    (tmp_path / "routes.yaml").touch()
    assert find_routes() == tmp_path / "routes.yaml"
    assert find_routes("other.yaml") == tmp_path / "other.yaml"


def test_the_shipped_routes_lie_in_the_package_or_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "luna"
    (package / "_defaults").mkdir(parents=True)
    monkeypatch.setattr(luna, "__file__", str(package / "__init__.py"))
    assert shipped_routes() == tmp_path / "routes.yaml"
    (package / "_defaults" / "routes.yaml").touch()
    assert shipped_routes() == package / "_defaults" / "routes.yaml"
