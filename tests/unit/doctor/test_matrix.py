"""The table of clients: what its cells say, and that the README has the one that is true now."""

import pytest

from luna.doctor.findings import failure, ok, warning
from luna.doctor.matrix import BEGIN, END, HEADINGS, make, put, table
from tests.support.command import ROOT


async def test_the_readme_has_the_table_of_today() -> None:
    made, sound = await make()
    assert sound, made
    readme = (ROOT / "README.md").read_text()
    assert put(readme, made) == readme, "run `luna doctor --matrix`"
    assert "warning" not in made and "**" not in made


def test_a_cell_names_what_is_wrong() -> None:
    findings = [
        ok("first turn", "", "stream"),
        warning("tool call", "", column="tool call"),
        failure("tool result", "", column="tool result"),
    ]
    row = table([("A client", "/v1/x", findings)]).splitlines()[-1]
    assert row == "| A client | /v1/x | – | ✓ | **tool call** | **tool result** | – |"
    assert row.count("|") == len(HEADINGS) + 3


def test_the_table_goes_between_its_marks() -> None:
    text = f"before {BEGIN} old {END} after"
    again = put(text, "new")
    assert again == f"before {BEGIN}\n\nnew\n\n{END} after"
    assert put(again, "new") == again
    with pytest.raises(ValueError, match="no place for the table"):
        put("nothing", "new")
