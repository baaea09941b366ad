"""Who may import whom, read from the source itself."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "luna"

BASE = {"model"}
ALLOWED: dict[str, set[str]] = {
    "model": set(),
    "disk": set(),
    "filters": BASE,
    "patterns": set(),
    "conversation": BASE | {"tools.profiles"},
    "core": BASE,
    "protocols": BASE,
    "tools": BASE | {"patterns"},
    "wire": BASE,
    "upstream": BASE | {"wire"},
    "qwen": BASE | {"upstream", "protocols.sse", "conversation.blocks"},
    "state": BASE | {"upstream", "qwen", "wire", "disk", "conversation", "filters"},
    "config": BASE | {"core", "disk"},
    "stages": BASE | {"core", "protocols", "tools", "wire", "upstream", "qwen", "state", "conversation", "filters"},
    "traces": BASE | {"core", "state", "upstream", "wire"},
    "demo": BASE,
    "admin": BASE
    | {"core", "config", "state", "wire", "qwen", "upstream", "disk", "conversation", "filters", "replay"},
    "server": BASE
    | {"core", "protocols", "config", "state", "wire", "qwen", "upstream", "admin", "demo", "disk", "tools.profiles"}
    | {"filters", "replay", "traces"},
    "replay": BASE | {"core", "protocols", "config", "state", "wire", "qwen", "upstream"},
    "doctor": BASE | {"core", "config", "state", "qwen", "upstream", "demo", "server", "disk", "tools.markup"},
    "cli": BASE
    | {"core", "protocols", "config", "state", "wire", "qwen", "upstream", "admin", "demo", "server", "replay", "disk"}
    | {"doctor"},
}

HOMES: dict[str, set[str]] = {
    "httpcore": {"upstream"},
    "socksio": {"upstream"},
    "httptools": {"upstream", "demo"},
    "granian": {"server"},
    "lxml": {"tools"},
    "jsonschema": {"tools"},
    "referencing": {"tools"},
    "tiktoken": {"protocols"},
    "ruamel": {"config"},
    "watchfiles": {"config"},
    "starlette": {"server", "admin"},
    "sqlalchemy": {"state"},
    "psycopg": {"state"},
    "playwright": {"qwen"},
    "opentelemetry": {"traces"},
}

SOURCES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0] if len(parts) > 1 else ""


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_every_room_is_known() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and not path.name.startswith("_")}
    assert rooms <= set(ALLOWED)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_what_its_room_may(path: Path) -> None:
    room = room_of(path)
    if not room:
        return
    allowed = ALLOWED[room] | {room}
    for name in imports_of(path):
        if not name.startswith("luna.") or name.startswith("luna.__"):
            continue
        target = name.removeprefix("luna.")
        ok = any(target == entry or target.startswith(entry + ".") for entry in allowed)
        assert ok, f"luna.{room} may not import {name}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_foreign_library_stays_in_its_home(path: Path) -> None:
    for name in imports_of(path):
        homes = HOMES.get(name.partition(".")[0])
        assert homes is None or room_of(path) in homes, f"{name} belongs in {homes}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_is_short_and_says_what_it_owns(path: Path) -> None:
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text)), "a module docstring says what the file owns and what it must not know"
    assert len(text.splitlines()) <= 320


SCOPES = {"create_task_group", "CancelScope", "fail_after", "move_on_after"}


def _opens_a_scope(node: ast.With | ast.AsyncWith) -> bool:
    for item in node.items:
        call = item.context_expr
        if isinstance(call, ast.Call):
            function = call.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            if name in SCOPES:
                return True
    return False


def _own_nodes(node: ast.AST) -> list[ast.AST]:
    """All nodes below, without those of functions defined inside."""
    found: list[ast.AST] = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        found.append(child)
        found.extend(_own_nodes(child))
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_generator_yields_inside_a_scope(path: Path) -> None:
    """An abandoned generator would leave its scope open in a task that knows nothing of it."""
    tree = ast.parse(path.read_text())
    for function in ast.walk(tree):
        if not isinstance(function, ast.AsyncFunctionDef):
            continue
        decorators = {getattr(d, "attr", getattr(d, "id", "")) for d in function.decorator_list}
        if "asynccontextmanager" in decorators:
            continue  # entered and left by `async with`, never abandoned
        for node in _own_nodes(function):
            if isinstance(node, ast.With | ast.AsyncWith) and _opens_a_scope(node):
                yields = [inner for inner in _own_nodes(node) if isinstance(inner, ast.Yield | ast.YieldFrom)]
                assert not yields, f"{function.name} yields inside a scope at line {yields[0].lineno}"
