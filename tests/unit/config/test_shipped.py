"""The configuration that comes with luna."""

from pathlib import Path

import msgspec
import pytest

from luna.config.compile import compile_files
from luna.config.diagnostics import Report
from luna.config.files import read_files
from luna.config.jsonschema import documents
from luna.config.settings import shipped_routes
from luna.config.source import parse
from luna.core.registry import Registry
from luna.core.routing import RequestFacts
from luna.core.snapshot import Snapshot
from luna.demo.catalogue import IDS
from luna.model.dialect import Facts
from tests.unit.config.test_jsonschema import fits

ROUTES = shipped_routes()


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    """It compiles, without a warning, with luna's own stages and an empty environment."""
    outcome = compile_files(read_files(ROUTES), Registry(third_party=False), {})
    assert (outcome.errors, outcome.warnings) == ((), ())
    assert outcome.snapshot is not None
    return outcome.snapshot


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("POST", "/v1/chat/completions", "chat"),
        ("GET", "/v1/models", "models"),
        ("GET", "/v1/models/qwen3.6-plus", "models"),
        ("GET", "/v1/chat/completions", None),
        ("POST", "/v1/models", None),
        ("POST", "/v1/chat/completions/x", None),
    ],
)
def test_requests_find_their_route(snapshot: Snapshot, method: str, path: str, route: str | None) -> None:
    found = snapshot.route_for(RequestFacts(method, path, (), 0), Facts())
    assert (found.name if found is not None else None) == route


def test_every_pipeline_asks_for_the_key_first(snapshot: Snapshot) -> None:
    assert {pipeline.stages[0].stage.use for pipeline in snapshot.pipelines.values()} == {"auth"}


def test_a_chat_goes_to_qwen_with_an_account_and_comes_back_in_the_clients_protocol(snapshot: Snapshot) -> None:
    uses = [bound.stage.use for bound in snapshot.pipelines["chat"].stages]
    needed = ["auth", "protocol.decode", "schedule", "qwen", "limit", "protocol.encode"]
    assert [use for use in uses if use in needed] == needed


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        ("gpt-4o", "qwen3.6-plus"),
        ("gpt-4o-mini", "qwen3.5-plus"),
        ("gpt-4o-mini-2024-07-18", "qwen3.5-plus"),
        ("gpt-5", "qwen3.6-plus"),
        ("o3", "qwen3.6-plus"),
        ("o4-mini", "qwen3.5-plus"),
        ("claude-sonnet-4-5", "qwen3.6-plus"),
        ("claude-3-5-haiku-latest", "qwen3.5-plus"),
        ("qwen3.6-plus", "qwen3.6-plus"),
        ("Qwen3-Coder", "Qwen3-Coder"),
        ("open-mixtral", "open-mixtral"),
    ],
)
def test_aliases(snapshot: Snapshot, asked: str, target: str) -> None:
    assert snapshot.target_of(asked) == target


def test_aliases_lead_to_models_that_an_ordinary_account_is_offered(snapshot: Snapshot) -> None:
    assert {alias.target for alias in snapshot.aliases} <= IDS


@pytest.mark.parametrize("path", [ROUTES, *sorted((ROUTES.parent / "pipelines").glob("*.yaml"))], ids=lambda p: p.name)
def test_an_editor_finds_nothing_wrong_with_it(path: Path) -> None:
    schemas = {name: msgspec.json.decode(content) for name, content in documents(Registry(third_party=False)).items()}
    schema = schemas["routes.schema.json" if path == ROUTES else "pipeline.schema.json"]
    node = parse(path.read_bytes(), path.name, Report())
    assert node is not None
    assert fits(node.plain(), schema)
