"""`auth`: who may go on, and as whom."""

from pathlib import Path

import pytest

from luna.core.flow import Flow
from luna.core.notes import CLIENT
from luna.core.services import Services
from luna.core.stage import StageOptions
from luna.model.dialect import ClientRequest
from luna.model.errors import Kind, LunaError
from luna.stages.auth import Auth
from luna.state.keys import ProxyKeys
from tests.support.machine import CONTEXT, flow_of

STAGE = Auth(StageOptions(), CONTEXT)


def flow(keys: ProxyKeys, *headers: tuple[str, str]) -> Flow:
    services = Services()
    services.provide(ProxyKeys, keys)
    made = flow_of(STAGE, services=services)
    made.client = ClientRequest("POST", "/v1/test", "", headers, b"{}")
    return made


@pytest.mark.parametrize(
    "header",
    [
        ("authorization", "Bearer right"),
        ("authorization", "bearer  right "),
        ("x-proxy-key", "right"),
        ("x-api-key", " right"),
    ],
)
def test_a_key_may_stand_in_three_places(header: tuple[str, str]) -> None:
    one = flow(ProxyKeys(["wrong", "right"]), header)
    STAGE.request(one)
    assert one.notes[CLIENT] == "environment-2"


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("authorization", "Bearer other"),),
        (("authorization", "Basic right"),),
        (("x-api-key", ""),),
        (("cookie", "right"),),
    ],
)
def test_who_has_none_is_refused(headers: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(LunaError) as refused:
        STAGE.request(flow(ProxyKeys(["right"]), *headers))
    assert refused.value.kind is Kind.UNAUTHORIZED
    assert "right" not in refused.value.told


def test_a_wrong_key_in_one_place_does_not_spoil_a_right_one_in_another() -> None:
    one = flow(ProxyKeys(["right"]), ("authorization", "Bearer of-somebody-else"), ("x-proxy-key", "right"))
    STAGE.request(one)
    assert one.notes[CLIENT] == "environment"


def test_where_there_is_no_key_nobody_is_asked_and_nobody_has_a_name() -> None:
    one = flow(ProxyKeys(), ("authorization", "Bearer anything"))
    STAGE.request(one)
    assert one.notes[CLIENT] == ""


def test_where_a_key_is_required_and_there_is_none_nobody_passes() -> None:
    with pytest.raises(LunaError):
        STAGE.request(flow(ProxyKeys(required=True), ("authorization", "Bearer anything")))


async def test_a_key_that_is_made_and_revoked_while_luna_runs(tmp_path: Path) -> None:
    keys = ProxyKeys((), tmp_path / "keys.json")
    _, text = await keys.create("editor")
    shown = ("authorization", f"Bearer {text}")
    one = flow(keys, shown)
    STAGE.request(one)
    assert one.notes[CLIENT] == "editor"
    await keys.create("other")
    await keys.revoke("editor")
    with pytest.raises(LunaError):
        STAGE.request(flow(keys, shown))
