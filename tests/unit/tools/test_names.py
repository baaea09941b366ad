"""Names are repaired only when one name can be meant."""

import pytest

from luna.tools.names import Names

TOOLS = (
    "Read",
    "read_file",
    "write_file",
    "mcp__files__move",
    "mcp__git__status",
    "mcp__svn__status",
    "Bash",
    "search2",
)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Read", "Read"),
        ("read", "Read"),
        ("READ", "Read"),
        (" read_file ", "read_file"),
        ("ReadFile", "read_file"),
        ("read-file", "read_file"),
        ("readFile", "read_file"),
        ("READ_FILE", "read_file"),
        ("functions.read_file", "read_file"),
        ("default_api:write_file", "write_file"),
        ("tools/Bash", "Bash"),
        ("mcp__local__read_file", "read_file"),
        ("move", "mcp__files__move"),
        ("files__move", "mcp__files__move"),
        ("files.move", "mcp__files__move"),
        ("wirte_file", "write_file"),
        ("write_fille", "write_file"),
        ("write_fiel", "write_file"),
    ],
)
def test_a_name_that_can_mean_only_one_is_repaired(written: str, meant: str) -> None:
    assert Names(TOOLS).find(written) == meant


@pytest.mark.parametrize(
    "written",
    [
        "",
        "   ",
        "_",
        "status",  # of two namespaces
        "delete_file",  # as far from read_file as from write_file
        "search3",  # digits are not slips
        "search",
        "Bush",  # short names have no slips
        "head_file",  # another first letter is another word
        "open",
    ],
)
def test_any_other_name_is_not(written: str) -> None:
    assert Names(TOOLS).find(written) is None


def test_a_name_that_exists_is_never_another() -> None:
    names = Names(("get_user", "get_users", "getUser"))
    assert [names.find(name) for name in names.known] == ["get_user", "get_users", "getUser"]


def test_two_names_that_differ_only_in_case_are_told_apart_or_not_at_all() -> None:
    names = Names(("Run", "run"))
    assert (names.find("Run"), names.find("run"), names.find("RUN")) == ("Run", "run", None)
