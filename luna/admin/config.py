"""`/api/config`: the settings that can change while luna runs, and where luna listens.

Shapes are LunaProxy's: a partial document is merged into the one in force. Secrets are told by a mask and a
fingerprint alone; accounts, models and logs have routes of their own.
"""

import os
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from luna.admin.envelope import FieldError, Unprocessable, json, read, unwritable
from luna.admin.keys import refuse
from luna.admin.operation import Operation
from luna.config.preference_document import FieldProblem, WrongPreferences, flat, schema, suggestion
from luna.config.preferences import ELSEWHERE, VERSION, PreferenceFile
from luna.config.settings import Settings
from luna.model.preferences import Preferences
from luna.state.keys import DEFAULT, ProxyKey, ProxyKeys, key_problem

MASK = "••••••••"
"""Stands for a secret. Sent back, it means: as it is."""


class ProxyView(msgspec.Struct, rename="camel"):
    """Where luna listens, and the mask of the key that clients must show ("" when there is none)."""

    host: str
    port: int
    key: str
    key_fingerprint: str


class ConfigDocument(msgspec.Struct, rename="camel"):
    """`GET /api/config`. `sources` says of every setting by its path whether it comes from the file, the environment,
    a flag of the command line, or is the default; `problems` what the file says that is not in force."""

    version: int
    proxy: ProxyView
    settings: Preferences
    defaults: Preferences
    sources: dict[str, str]
    problems: list[FieldProblem]


class ConfigBody(msgspec.Struct):
    """`POST` and `PATCH /api/config`: any part of it. A setting that is null becomes the default again; an empty
    `proxy.key` removes the key 'default'."""

    settings: dict[str, Any] = {}
    proxy: dict[str, Any] = {}
    version: int = VERSION


def routes(
    settings: Settings, preferences: PreferenceFile, keys: ProxyKeys, environ: Mapping[str, str] | None = None
) -> list[Operation]:
    """The routes of this subject. `environ` is the process's own by default."""
    variables = os.environ if environ is None else environ
    default = Settings()

    def document() -> Response:
        live = preferences.live.current
        given = preferences.given
        sources = {
            "proxy.host": _source(variables, "LUNA_HOST", settings.host, default.host),
            "proxy.port": _source(variables, "LUNA_PORT", settings.port, default.port),
            "proxy.key": _key_source(keys),
            **{path: "file" if path in given else "default" for path in flat(live)},
        }
        view = ProxyView(settings.host, settings.port, *_masked(keys))
        return json(ConfigDocument(VERSION, view, live, Preferences(), sources, preferences.problems))

    async def show(_: Request) -> Response:
        await preferences.reload()
        return document()

    async def change(request: Request) -> Response:
        raw = await read(request, dict[str, Any])
        fields = [FieldError(key[:80], _foreign(key)) for key in raw if key not in ConfigBody.__struct_fields__]
        body = _body(raw, fields)
        new_key = _new_key(body.proxy, settings, fields)
        try:
            await preferences.patch(body.settings, only_check=bool(fields))
        except WrongPreferences as error:
            fields.extend(FieldError(problem.path, problem.message) for problem in error.problems)
        except OSError as error:
            raise unwritable("The settings", error) from error
        if fields:
            raise Unprocessable(_sentence(fields), fields, hint="Nothing was changed.")
        if new_key is not None:
            await _set_key(keys, new_key)
        return document()

    async def describe(_: Request) -> Response:
        return json(schema())

    parts = "A change of it: what is named is changed, all or nothing."
    return [
        Operation("GET", "/config", show, "Settings, defaults, and where each comes from.", gives=ConfigDocument),
        Operation("POST", "/config", change, parts, takes=ConfigBody, gives=ConfigDocument),
        Operation("PATCH", "/config", change, parts, takes=ConfigBody, gives=ConfigDocument),
        Operation(
            "GET",
            "/config/schema",
            describe,
            "The JSON Schema of the settings: ranges and words.",
            gives=dict[str, Any],
        ),
    ]


def _body(raw: Mapping[str, Any], fields: list[FieldError]) -> ConfigBody:
    """What of the body has the right shape; what has not is added to `fields`."""
    body = ConfigBody()
    for name in ("settings", "proxy"):
        value = raw.get(name, {})
        if isinstance(value, dict):
            setattr(body, name, value)
        else:
            fields.append(FieldError(name, "must be an object"))
    if raw.get("version", VERSION) != VERSION:
        fields.append(FieldError("version", f"must be {VERSION}"))
    return body


def _new_key(proxy: Mapping[str, Any], settings: Settings, fields: list[FieldError]) -> str | None:
    """The key that is to be the key 'default', "" for none, None where nothing is said. What luna listens on may be
    repeated, not changed."""
    fixed = {"host": ("LUNA_HOST", settings.host), "port": ("LUNA_PORT", settings.port)}
    for name, value in proxy.items():
        if name in fixed:
            variable, current = fixed[name]
            if value != current:
                said = f"luna listens on {current!r} until it is started with another {variable} (or --{name})"
                fields.append(FieldError(f"proxy.{name}", said))
        elif name != "key":
            said = f"there is no such setting{suggestion(name, (*fixed, 'key'))}"
            fields.append(FieldError(f"proxy.{name[:80]}", said))
    key = proxy.get("key", MASK)
    if key == MASK:
        return None
    if key is None:
        return ""
    problem = "must be text" if not isinstance(key, str) else key_problem(key.strip()) if key.strip() else ""
    if problem:
        fields.append(FieldError("proxy.key", problem))
        return None
    return str(key).strip()


async def _set_key(keys: ProxyKeys, text: str) -> None:
    try:
        if text:
            await keys.store(DEFAULT, text)
        elif keys.find(DEFAULT) is not None:
            await refuse(keys, DEFAULT)
    except OSError as error:
        raise unwritable("The settings were saved, but the key", error) from error


def _foreign(name: str) -> str:
    if name in ELSEWHERE:
        return f"cannot be set here: {ELSEWHERE[name]}"
    return f"there is no such field{suggestion(name, ConfigBody.__struct_fields__)}"


def _sentence(fields: list[FieldError]) -> str:
    more = f" (and {len(fields) - 1} more)" if len(fields) > 1 else ""
    return f"{fields[0].path}: {fields[0].message}{more}."


def _masked(keys: ProxyKeys) -> tuple[str, str]:
    key = _shown(keys)
    return (MASK, key.fingerprint) if key is not None else ("", "")


def _shown(keys: ProxyKeys) -> ProxyKey | None:
    """The one key of a document that knows only one."""
    return keys.find(DEFAULT) or next(iter(keys.all()), None)


def _key_source(keys: ProxyKeys) -> str:
    key = _shown(keys)
    return key.source if key is not None else "default"


def _source(environ: Mapping[str, str], variable: str, value: object, default: object) -> str:
    if environ.get(variable, "").strip() == str(value):
        return "environment"
    return "default" if value == default else "flag"
