"""What opens something is compared in constant time, wherever it is compared."""

import ast
import hmac
from pathlib import Path

import pytest

import luna
from luna.admin.door import Door
from luna.model.ambient import SystemClock
from luna.model.errors import LunaError
from luna.server.worker import WorkerSide
from luna.upstream.pool import PoolBackend

PACKAGE = Path(luna.__file__).parent
SECRETS = frozenset(
    {"key", "proxy_key", "admin_key", "worker_key", "password", "signature", "digest", "secret", "token"}
)
DOORS = ("admin/door.py", "server/worker.py", "state/keys.py", "stages/auth.py", "server/chosen.py")


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of what was compared in constant time."""
    lengths, compare = [], hmac.compare_digest

    def counted(one: bytes, other: bytes) -> bool:
        lengths.append(len(one))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", counted)
    return lengths


@pytest.mark.parametrize("path", DOORS)
def test_no_door_compares_letter_by_letter(path: str) -> None:
    """`==` and `!=` of anything that is called like a secret; lookups in a dictionary by one."""
    tree = ast.parse((PACKAGE / path).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and any(isinstance(op, ast.Eq | ast.NotEq | ast.In) for op in node.ops):
            sides = [node.left, *node.comparators]
            names = {each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "") for each in sides}
            assert not {name.strip("_") for name in names} & SECRETS, f"{path}:{node.lineno}"


@pytest.mark.parametrize("shown", ["right", "wrong", "r", "", "right-and-more", "日本"])
def test_every_secret_is_compared_in_constant_time(compared: list[int], shown: str) -> None:
    """Digests of one length, whatever is shown; of a session its signature."""
    door = Door("right", SystemClock())
    assert door.opens(shown) is (shown == "right")
    assert compared == [32]
    compared.clear()
    assert door.admits(f"9999999999.00.{shown}") is False
    assert compared == [64]


async def test_the_key_of_a_worker_is_compared_in_constant_time(compared: list[int]) -> None:
    backend = PoolBackend()
    side = WorkerSide(key="right", sites=[], backend=backend, ip_url=lambda: "")
    for shown, admitted in (("right", True), ("wrong", False), ("", False)):
        compared.clear()
        scope = {"type": "http", "headers": [(b"authorization", f"Bearer {shown}".encode())]}
        if admitted:
            side._check(scope)
        else:
            with pytest.raises(LunaError):
                side._check(scope)
        assert compared == [32]
    await backend.aclose()
