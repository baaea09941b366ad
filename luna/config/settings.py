"""The settings of one process: environment variables, and the command line's flags over them.

Owns names, defaults and checks. Everything that can change while luna runs is in YAML instead. Secrets are
held here and never shown: not by `repr`, not in an error.
"""

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

import luna
from luna.config.diagnostics import did_you_mean
from luna.config.schema import RECORDS, Record
from luna.model.values import Size

T = TypeVar("T")

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class SettingsError(Exception):
    """A setting that cannot be used. The sentence names the variable, and its value only where that is no secret."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What one process was told at its start."""

    host: str = "127.0.0.1"
    port: int = 8080
    data_dir: Path = Path("data")
    database_url: str = ""
    """Of a PostgreSQL; empty: a SQLite file in the data directory."""
    routes: Path = Path("routes.yaml")
    """The routes file; pipelines/ and prompts/ lie beside it."""
    admin_key: str = ""
    """Empty: the one in the data directory."""
    proxy_keys: tuple[str, ...] = ()
    """The keys that clients must send on /v1; none: nobody is asked."""
    worker_key: str = ""
    """What other lunas must know for this one to make exchanges for them; empty: it does not."""
    allowed_hosts: tuple[str, ...] = ()
    """Names beyond the loopback ones that the Host header may have, in lower case."""
    max_body: int = 32 * 1024 * 1024
    """Bytes."""
    qwen_base_url: str = "https://chat.qwen.ai"
    qwen_auth_url: str = "https://auth.qwen.ai"
    qwen_token: str = ""
    qwen_cookies: str = ""
    third_party_stages: bool = True
    record: Record | None = None
    """What to record, whatever routes.yaml says; None leaves it to routes.yaml."""
    log_level: str = "INFO"
    traces: bool = False
    """Tell OpenTelemetry of every flow; where to, its own variables say (`OTEL_EXPORTER_OTLP_ENDPOINT`)."""
    demo: bool = False

    def __repr__(self) -> str:
        return f"<Settings {self.host}:{self.port} {self.data_dir} {self.routes}>"

    @property
    def loopback(self) -> bool:
        """True when only this machine can reach luna."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    @classmethod
    def from_environment(
        cls,
        environ: Mapping[str, str] | None = None,
        *,
        host: str | None = None,
        port: int | str | None = None,
        data_dir: Path | str | None = None,
        routes: Path | str | None = None,
        log_level: str | None = None,
        demo: bool = False,
    ) -> "Settings":
        """Read the environment (the process's own by default); what the command line gave wins. An empty variable
        counts as not set. Raises SettingsError with a sentence."""
        default = cls()
        env = _Environment(os.environ if environ is None else environ)
        flags = {"LUNA_HOST": host, "LUNA_PORT": port, "LUNA_DATA_DIR": data_dir, "LUNA_LOG": log_level}
        env.override({name: str(value) for name, value in flags.items() if value is not None})
        return cls(
            host=env.read("LUNA_HOST", _word, default.host),
            port=env.read("LUNA_PORT", _port, default.port),
            data_dir=Path(env.read("LUNA_DATA_DIR", str, "data")).expanduser().absolute(),
            database_url=env.read("LUNA_DATABASE_URL", _secret, ""),
            routes=find_routes(str(routes) if routes is not None else env.read("LUNA_ROUTES", str, "")),
            admin_key=env.read("LUNA_ADMIN_KEY", _secret, ""),
            proxy_keys=env.read("LUNA_PROXY_KEY", _keys, ()),
            worker_key=env.read("LUNA_WORKER_KEY", _secret, ""),
            allowed_hosts=env.read("LUNA_ALLOWED_HOSTS", _hosts, ()),
            max_body=env.read("LUNA_MAX_BODY", _size, default.max_body),
            qwen_base_url=env.read("LUNA_QWEN_BASE_URL", _origin, default.qwen_base_url),
            qwen_auth_url=env.read("LUNA_QWEN_AUTH_URL", _origin, default.qwen_auth_url),
            qwen_token=env.read("QWEN_AI_TOKEN", _secret, ""),
            qwen_cookies=env.read("QWEN_AI_COOKIES", _line, ""),
            third_party_stages=env.read("LUNA_STAGES", _stages, True),
            record=env.read("LUNA_RECORD", _record, None),
            log_level=env.read("LUNA_LOG", _level, default.log_level),
            traces=env.read("LUNA_TRACES", _switch, False),
            demo=demo,
        )


def find_routes(named: str = "") -> Path:
    """Where routes.yaml is: where somebody said, else in the current folder, else the one that came with luna."""
    if named:
        return Path(named).expanduser().absolute()
    here = Path("routes.yaml").absolute()
    return here if here.is_file() else shipped_routes()


def shipped_routes() -> Path:
    """The routes.yaml that came with luna: inside an installed package, at the top of a source checkout."""
    package = Path(luna.__file__).parent
    packaged = package / "_defaults" / "routes.yaml"
    return packaged if packaged.is_file() else package.parent / "routes.yaml"


class _Environment:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._values = {name: value.strip() for name, value in environ.items() if value.strip()}
        self._flags: set[str] = set()

    def __repr__(self) -> str:
        return f"<_Environment {len(self._values)} variables>"

    def override(self, flags: Mapping[str, str]) -> None:
        """Put the command line's values over the environment's."""
        self._values.update(flags)
        self._flags.update(flags)

    def read(self, name: str, understand: Callable[[str], T], default: T) -> T:
        """The variable's value, understood. Raises SettingsError."""
        raw = self._values.get(name)
        if raw is None:
            return default
        try:
            return understand(raw)
        except ValueError as error:
            shown = "--" + name.removeprefix("LUNA_").lower().replace("_", "-") if name in self._flags else name
            raise SettingsError(f"{shown} {error}") from None


def _word(raw: str) -> str:
    if any(character.isspace() for character in raw):
        raise ValueError(f"must be a host name or an address, got {raw!r}.")
    return raw


def _port(raw: str) -> int:
    if not raw.isascii() or not raw.isdigit() or len(raw) > 5 or not 1 <= int(raw) <= 65535:
        raise ValueError(f"must be a port number from 1 to 65535, got {raw!r}.")
    return int(raw)


def _secret(raw: str) -> str:
    if not re.fullmatch(r"[\x21-\x7e]+", raw):
        raise ValueError("must be one word of printable ASCII characters.")
    return raw


def _line(raw: str) -> str:
    if not re.fullmatch(r"[\x20-\x7e]+", raw):
        raise ValueError("must be one line of printable ASCII characters, as a browser sends it.")
    return raw


def _keys(raw: str) -> tuple[str, ...]:
    keys = tuple(key for part in raw.split(",") if (key := part.strip()))
    if not keys or not all(re.fullmatch(r"[\x21-\x7e]+", key) for key in keys):
        raise ValueError("must be one key or several, separated by commas, each of printable ASCII characters.")
    return keys


def _hosts(raw: str) -> tuple[str, ...]:
    hosts = tuple(host for part in raw.split(",") if (host := part.strip().lower()))
    wrong = next((host for host in hosts if not re.fullmatch(r"[a-z0-9._\[\]:-]+", host)), None)
    if wrong is not None:
        raise ValueError(f"must be host names separated by commas, without 'http://' or a path; {wrong!r} is none.")
    return hosts


def _size(raw: str) -> int:
    try:
        size = int(Size.parse(raw))
    except ValueError as error:
        raise ValueError(f"{error}.".replace("expected", "must be", 1)) from None
    if size == 0:
        raise ValueError("must be more than 0 bytes.")
    return size


def _origin(raw: str) -> str:
    try:
        url = urlsplit(raw)
        sound = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        sound, url = False, urlsplit("")
    if not sound or url.username is not None or url.query or url.fragment:
        raise ValueError("must be an http(s) URL without user, password or query, like https://chat.qwen.ai.")
    return raw.rstrip("/")


def _stages(raw: str) -> bool:
    if raw.lower() not in ("none", "all"):
        raise ValueError(f"must be 'none' (luna's own stages only) or 'all', got {raw!r}.")
    return raw.lower() == "all"


def _switch(raw: str) -> bool:
    if raw.lower() not in ("on", "off"):
        raise ValueError(f"must be 'on' or 'off', got {raw!r}.")
    return raw.lower() == "on"


def _record(raw: str) -> Record | None:
    return _one_of(raw.lower(), RECORDS)


def _level(raw: str) -> str:
    return _one_of(raw.upper(), LEVELS)


def _one_of(raw: Any, choices: tuple[T, ...]) -> T:
    for choice in choices:
        if choice == raw:
            return choice
    listed = ", ".join(str(choice).lower() for choice in choices)
    hint = did_you_mean(str(raw), [str(choice) for choice in choices]).lower()
    raise ValueError(f"must be one of: {listed}; got {str(raw).lower()!r}. {hint}".rstrip())
