"""Routing: conditions one by one, verdicts in words, and the lint for routes that nobody can reach."""

import pytest

from luna.core.prompts import Prompts
from luna.core.routing import Alias, Matcher, RequestFacts, unreachable
from luna.core.snapshot import Pipeline, Route, Snapshot, SnapshotCell
from luna.model.dialect import Facts
from luna.model.values import Globs

REQUEST = RequestFacts("POST", "/v1/chat/completions", (("x-team", "red"), ("x-team", "blue"), ("x-id", "7")), 100)
BODY = Facts(model="qwen3", stream=True, tools=("Bash", "Read"))


def globs(*patterns: str) -> Globs:
    return Globs(patterns)


@pytest.mark.parametrize(
    ("matcher", "reason"),
    [
        (Matcher(), ""),
        (Matcher(method=globs("GET", "POST")), ""),
        (Matcher(method=globs("GET")), "method POST is not GET"),
        (Matcher(path=globs("/v1/*")), ""),
        (Matcher(path=globs("/v1/chat")), "path /v1/chat/completions is not /v1/chat"),
        (Matcher(path=globs("/V1/*")), "path /v1/chat/completions is not /V1/*"),
        (Matcher(model=globs("qwen?")), ""),
        (Matcher(model=globs("gpt-*", "o1")), "model qwen3 is not gpt-* or o1"),
        (Matcher(headers=(("x-team", globs("blue")),)), ""),
        (Matcher(headers=(("x-team", globs("green")),)), "header x-team is 'red', not green"),
        (Matcher(headers=(("x-team", globs("red")), ("x-none", globs("*")))), "header x-none is absent"),
        (Matcher(tools_any=globs("Write", "Re*")), ""),
        (Matcher(tools_any=globs("Write")), "no tool is Write"),
        (Matcher(tools_all=(globs("Bash"), globs("Read"))), ""),
        (Matcher(tools_all=(globs("Bash"), globs("Write"))), "no tool is Write"),
        (Matcher(tools_none=globs("Write")), ""),
        (Matcher(tools_none=globs("R*")), "tool Read is unwanted"),
        (Matcher(stream=True), ""),
        (Matcher(stream=False), "stream is true"),
        (Matcher(size_min=100, size_max=100), ""),
        (Matcher(size_min=101), "body of 100 bytes is smaller than 101"),
        (Matcher(size_max=99), "body of 100 bytes is larger than 99"),
    ],
)
def test_each_condition_holds_or_says_why_not(matcher: Matcher, reason: str) -> None:
    verdict = matcher.verdict(REQUEST, BODY)
    assert matcher.matches(REQUEST, BODY) == verdict.matched == (reason == "")
    assert verdict.reason == (reason or matcher.describe())


@pytest.mark.parametrize(
    ("matcher", "matches"),
    [
        (Matcher(model=globs("*")), False),
        (Matcher(tools_any=globs("*")), False),
        (Matcher(tools_none=globs("*")), True),
        (Matcher(stream=False), True),
        (Matcher(stream=True), False),
    ],
)
def test_a_body_that_says_nothing(matcher: Matcher, matches: bool) -> None:
    assert matcher.matches(REQUEST, Facts()) is matches


def test_a_missing_model_is_named_as_such() -> None:
    assert Matcher(model=globs("a")).verdict(REQUEST, Facts()).reason == "model (none) is not a"


@pytest.mark.parametrize("name", ["authorization", "cookie", "x-api-key", "proxy-authorization"])
def test_headers_that_hold_keys_are_never_repeated(name: str) -> None:
    matcher = Matcher(headers=((name, globs("s3cret*")),))
    wrong = RequestFacts("GET", "/", ((name, "hush"),), 0)
    assert matcher.verdict(wrong, BODY).reason == f"header {name} does not match"
    right = RequestFacts("GET", "/", ((name, "s3cret-1"),), 0)
    assert matcher.verdict(right, BODY).reason == f"header {name} matches"


@pytest.mark.parametrize(
    ("outer", "inner", "covers"),
    [
        (Matcher(), Matcher(), True),
        (Matcher(), Matcher(model=globs("a")), True),
        (Matcher(model=globs("a")), Matcher(), False),
        (Matcher(model=globs("a*")), Matcher(model=globs("ab", "a?c")), True),
        (Matcher(model=globs("a*")), Matcher(model=globs("ab", "b")), False),
        (Matcher(model=globs("a?")), Matcher(model=globs("a*")), False),
        (Matcher(model=globs("*")), Matcher(), False),  # a request may name no model
        (Matcher(tools_any=globs("*")), Matcher(), False),  # or no tool
        (Matcher(path=globs("*")), Matcher(), True),  # but it has a path
        (Matcher(method=globs("*")), Matcher(), True),
        (Matcher(headers=(("a", globs("*")),)), Matcher(), False),
        (Matcher(headers=(("a", globs("*")),)), Matcher(headers=(("a", globs("x")),)), True),
        (Matcher(headers=(("a", globs("*")),)), Matcher(headers=(("b", globs("x")),)), False),
        (Matcher(tools_all=(globs("a*"),)), Matcher(tools_all=(globs("b"), globs("ab"))), True),
        (Matcher(tools_none=globs("a")), Matcher(tools_none=globs("a")), True),
        (Matcher(tools_none=globs("a")), Matcher(), False),
        (Matcher(stream=False), Matcher(), False),
        (Matcher(stream=False), Matcher(stream=False), True),
        (Matcher(size_min=5), Matcher(size_min=6), True),
        (Matcher(size_min=5), Matcher(size_max=9), False),
        (Matcher(size_max=5), Matcher(size_max=5), True),
    ],
)
def test_covering(outer: Matcher, inner: Matcher, covers: bool) -> None:
    assert outer.covers(inner) is covers


def test_routes_that_nobody_can_reach_are_named_with_the_one_in_front() -> None:
    found = unreachable(
        [
            ("chat", Matcher(path=globs("/v1/*"))),
            ("models", Matcher(method=globs("GET"), path=globs("/v1/models"))),
            ("rest", Matcher()),
            ("never", Matcher(method=globs("GET"))),
        ]
    )
    assert found == [("models", "chat"), ("never", "rest")]


def snapshot(*routes: tuple[str, Matcher], aliases: tuple[Alias, ...] = ()) -> Snapshot:
    pipeline = Pipeline("p", "", ())
    made = tuple(Route(name, matcher, pipeline) for name, matcher in routes)
    return Snapshot(1, "d" * 64, 0.0, made, {"p": pipeline}, aliases, Prompts({}))


def test_the_first_route_that_matches_wins_and_the_rest_is_not_asked() -> None:
    made = snapshot(("get", Matcher(method=globs("GET"))), ("chat", Matcher(path=globs("/v1/*"))), ("rest", Matcher()))
    assert made.route_for(REQUEST, BODY) is made.routes[1]
    trail = made.explain(REQUEST, BODY)
    assert [(route.name, verdict.matched, verdict.reason) for route, verdict in trail] == [
        ("get", False, "method POST is not GET"),
        ("chat", True, "path is /v1/*"),
    ]


def test_no_route_may_match() -> None:
    made = snapshot(("get", Matcher(method=globs("GET"))))
    assert made.route_for(REQUEST, BODY) is None
    assert [verdict.matched for _, verdict in made.explain(REQUEST, BODY)] == [False]


def test_an_alias_is_not_an_alias_of_an_alias() -> None:
    made = snapshot(aliases=(Alias(globs("a"), "b"), Alias(globs("b"), "c")))
    assert [made.target_of(name) for name in "abc"] == ["b", "c", "c"]


def test_committing_gives_back_what_was_in_force() -> None:
    first, second = snapshot(), snapshot(("rest", Matcher()))
    cell = SnapshotCell(first)
    assert cell.commit(second) is first
    assert cell.current is second
    assert repr(cell) == "<SnapshotCell <Snapshot 1 dddddddd routes=1 pipelines=1>>"
