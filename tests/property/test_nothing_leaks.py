"""Canaries everywhere: in headers, cookies, bodies and file names. None of them comes out of a recording, a fixture, a
bundle, the log or the API, in any spelling."""

import base64
import io
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luna.state.identities import identities
from luna.wire import canaries
from tests.faults.test_reload import own_configuration
from tests.support.house import ADMIN_KEY, Running, running_luna

KEY = {"authorization": f"Bearer {ADMIN_KEY}"}
PROXY_KEY, WORKER_KEY = "luna-proxy-canary-7f3a9b51", "luna-worker-canary-2c8e6d40"
HEADERS = ("cookie", "x-api-key", "x-auth-token", "x-client-secret", "proxy-authorization", "bx-ua")
FIELDS = ("api_key", "access_token", "password", "cookie", "client_secret", "authorization")
NUMBER = iter(range(1, 10_000))


@pytest.fixture(scope="module")
async def luna(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    folder = tmp_path_factory.mktemp("canaries")
    environ = {
        "LUNA_RECORD": "all",
        "LUNA_ROUTES": str(own_configuration(folder / "conf")),
        "LUNA_PROXY_KEY": PROXY_KEY,
        "LUNA_WORKER_KEY": WORKER_KEY,
    }
    async with running_luna(folder / "data", environ=environ) as running:
        yield running


def own_secrets(luna: Running) -> list[str]:
    """Those of the process; the tokens and cookies of its account among them."""
    accounts = luna.house.accounts
    return [*accounts.secrets(), *identities(accounts.all()), ADMIN_KEY, PROXY_KEY, WORKER_KEY]


async def ask(luna: Running, text: str, headers: dict[str, str], **fields: Any) -> str:
    """The flow's id."""
    body = {"model": "qwen3.7-plus", "messages": [{"role": "user", "content": text}], "metadata": fields}
    sent = {"authorization": f"Bearer {PROXY_KEY}", **headers}
    answer = await luna.request("POST", "/v1/chat/completions", msgspec.json.encode(body), sent)
    assert answer.status == 200, answer.content
    return next(value.decode() for name, value in answer.headers if name.lower() == b"x-luna-flow")


async def get(luna: Running, path: str) -> bytes:
    answer = await luna.request("GET", path, headers=KEY)
    assert answer.status == 200, answer.content
    return answer.content


def below(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()


async def all_that_is_left(luna: Running, flow: str, name: str, *, minimise: bool) -> dict[str, bytes]:
    """Every byte that anybody but luna could see of the flow."""
    asked = msgspec.json.encode({"name": name, "minimise": minimise})
    made = await luna.request("POST", f"/api/flows/{flow}/fixture", asked, KEY)
    assert made.status == 200, made.content
    packed = await get(luna, f"/api/flows/{flow}/bundle")
    found = {"the bundle": packed, "the log": await get(luna, "/api/logs?limit=1000")}
    with zipfile.ZipFile(io.BytesIO(packed)) as bundle:
        found |= {f"bundle/{each}": bundle.read(each) for each in bundle.namelist()}
    base = luna.house.config.recipe.routes.parent
    found |= {f"fixture/{each}": data for each, data in below(base / "fixtures" / "wire" / name)}
    recordings = luna.house.settings.data_dir / "recordings"
    found |= {each: data for each, data in below(recordings) if flow in each}
    for face in ("client-request", "client-response", "up-1-request", "up-2-request", "up-2-response"):
        found[face] = await get(luna, f"/api/flows/{flow}/face/{face}")
    return found | {"the page": await get(luna, f"/api/flows/{flow}")}


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
async def test_no_canary_comes_out(luna: Running, data: st.DataObject) -> None:
    letters = st.text("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", min_size=24, max_size=40)
    planted = {name: f"canary-{data.draw(letters, name)}" for name in (*HEADERS, *FIELDS)}
    headers = {name: f"theme=dark; session={planted[name]}" if name == "cookie" else planted[name] for name in HEADERS}
    text = f"[[say:done]] see https://files.example/x.png?token={planted['access_token']}&key={planted['api_key']}"
    flow = await ask(luna, text, headers, **{name: planted[name] for name in FIELDS})
    found = await all_that_is_left(luna, flow, f"kept-{next(NUMBER)}", minimise=data.draw(st.booleans()))
    assert len(found) > 30
    leak = canaries.find([*planted.values(), *own_secrets(luna)], found)
    assert leak is None, str(leak)


async def test_nobody_can_be_told_from_a_fixture_or_a_bundle(luna: Running) -> None:
    person, user, mail = "wilhelmina", "C:\\Users\\wilhelmina", "wilhelmina.t@corp.example"
    text = f"[[say:done]] {mail} keeps it in /home/{person}/thesis.docx and {user}\\thesis.docx"
    flow = await ask(luna, text, {})
    found = await all_that_is_left(luna, flow, "about-nobody", minimise=True)
    handed_on = {name: data for name, data in found.items() if name.startswith(("bundle/", "fixture/"))}
    places = [str(luna.house.settings.data_dir), str(luna.house.config.recipe.routes.parent)]
    chats = [chat.id for chat in luna.lookalike.state.chats]
    assert chats
    leak = canaries.find([person, mail, *places, *chats], handed_on)
    assert leak is None, str(leak)


@pytest.mark.parametrize("spell", [lambda s: base64.b64encode(s.encode()).decode(), lambda s: s.encode().hex()])
async def test_a_secret_in_disguise_is_refused_with_its_place(luna: Running, spell: Any) -> None:
    token = luna.house.accounts.secrets()[0]
    flow = await ask(luna, f"[[say:done]] decode {spell(token)}", {})
    for method, path, body in (
        ("POST", f"/api/flows/{flow}/fixture", b'{"name": "in-disguise"}'),
        ("GET", f"/api/flows/{flow}/bundle", b""),
    ):
        answer = await luna.request(method, path, body, KEY)
        assert answer.status == 403, answer.content
        error = msgspec.json.decode(answer.content)["error"]
        assert "recording.jsonl" in error["message"]
        assert token not in error["message"]
    base = luna.house.config.recipe.routes.parent
    assert not (base / "fixtures" / "wire" / "in-disguise").exists()
