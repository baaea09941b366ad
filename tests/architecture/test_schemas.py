"""The generated files are the ones that the code makes, and the shipped YAML points at its schemas."""

from pathlib import Path

import pytest

from luna.config.jsonschema import documents
from luna.config.reference import page
from luna.core.registry import Registry

ROOT = Path(__file__).parents[2]


def test_the_committed_schemas_are_fresh() -> None:
    fresh = documents(Registry(third_party=False))
    committed = {path.name: path.read_bytes() for path in (ROOT / "schemas").glob("*.json")}
    stale = sorted({*fresh, *committed} - {name for name in fresh if committed.get(name) == fresh[name]})
    assert stale == [], "run `make generated`"


def test_the_committed_stage_reference_is_fresh() -> None:
    assert page(Registry(third_party=False)) == (ROOT / "docs" / "stages.md").read_text(), "run `make generated`"


@pytest.mark.parametrize(
    "path", [ROOT / "routes.yaml", *sorted((ROOT / "pipelines").glob("*.yaml"))], ids=lambda path: path.name
)
def test_the_shipped_yaml_names_its_schema(path: Path) -> None:
    mark, _, named = path.read_text().partition("\n")[0].partition("$schema=")
    assert mark == "# yaml-language-server: "
    assert (path.parent / named).resolve() in (ROOT / "schemas").iterdir()
