"""Routing by random matchers and requests: covering is never claimed wrongly, and the first match wins."""

from hypothesis import given, settings
from hypothesis import strategies as st

from luna.core.prompts import Prompts
from luna.core.routing import Matcher, RequestFacts, unreachable
from luna.core.snapshot import Pipeline, Route, Snapshot
from luna.model.dialect import Facts
from luna.model.values import Globs

# Few letters, so that random patterns and random words meet.
WORDS = st.text("ab", max_size=3)
PATTERNS = st.just("*") | st.text("ab*?", max_size=3) | st.sampled_from(["[ab]", "[!a]*", "a[b", "a*"])
GLOBS = st.lists(PATTERNS, min_size=1, max_size=3).map(Globs)

CONDITIONS: dict[str, st.SearchStrategy[object]] = {
    "method": GLOBS,
    "path": GLOBS,
    "model": GLOBS,
    "headers": st.lists(st.tuples(st.sampled_from(["x", "y"]), GLOBS), max_size=2).map(tuple),
    "tools_any": GLOBS,
    "tools_all": st.lists(GLOBS, max_size=2).map(tuple),
    "tools_none": GLOBS,
    "stream": st.booleans(),
    "size_min": st.integers(0, 3),
    "size_max": st.integers(0, 3),
}
ONE = st.sampled_from(sorted(CONDITIONS)).flatmap(lambda name: st.tuples(st.just(name), CONDITIONS[name]))
MATCHERS = st.lists(ONE, max_size=3).map(lambda found: Matcher(**dict(found)))  # type: ignore[arg-type]


@st.composite
def sisters(draw: st.DrawFn) -> tuple[Matcher, Matcher]:
    """Two matchers that ask about the same thing: independent ones hardly ever cover each other."""
    name = draw(st.sampled_from(sorted(CONDITIONS)))
    outer = Matcher(**{name: draw(CONDITIONS[name])})  # type: ignore[arg-type]
    inner = Matcher(**{name: draw(CONDITIONS[name])}) if draw(st.booleans()) else Matcher()  # type: ignore[arg-type]
    return outer, inner


REQUESTS = st.builds(
    RequestFacts,
    method=WORDS,
    path=WORDS,
    headers=st.lists(st.tuples(st.sampled_from(["x", "y"]), WORDS), max_size=3).map(tuple),
    size=st.integers(0, 3),
)
BODIES = st.builds(
    Facts,
    model=st.none() | WORDS,
    stream=st.none() | st.booleans(),
    tools=st.lists(WORDS, max_size=3).map(tuple),
)


@settings(max_examples=400, deadline=None)
@given(sisters(), st.lists(st.tuples(REQUESTS, BODIES), min_size=4, max_size=4))
def test_what_a_matcher_covers_it_matches(
    pair: tuple[Matcher, Matcher], asked: list[tuple[RequestFacts, Facts]]
) -> None:
    outer, inner = pair
    if outer.covers(inner):
        for request, body in asked:
            assert outer.matches(request, body) or not inner.matches(request, body)


@settings(max_examples=100, deadline=None)
@given(GLOBS, GLOBS, st.lists(WORDS, min_size=10, max_size=10))
def test_what_patterns_cover_they_match(outer: Globs, inner: Globs, words: list[str]) -> None:
    if Matcher(path=outer).covers(Matcher(path=inner)):
        for word in words:
            assert outer.matches(word) or not inner.matches(word)


@given(MATCHERS)
def test_every_matcher_covers_itself(matcher: Matcher) -> None:
    assert matcher.covers(matcher)


@settings(max_examples=200, deadline=None)
@given(MATCHERS, REQUESTS, BODIES)
def test_the_verdict_is_the_decision(matcher: Matcher, request: RequestFacts, body: Facts) -> None:
    verdict = matcher.verdict(request, body)
    assert verdict.matched is matcher.matches(request, body)
    assert verdict.reason


@settings(max_examples=150, deadline=None)
@given(st.lists(MATCHERS, max_size=5), REQUESTS, BODIES)
def test_the_first_match_wins(matchers: list[Matcher], request: RequestFacts, body: Facts) -> None:
    pipeline = Pipeline("p", "", ())
    routes = tuple(Route(str(number), matcher, pipeline) for number, matcher in enumerate(matchers))
    snapshot = Snapshot(1, "", 0.0, routes, {}, (), Prompts({}))
    holding = [route for route in routes if route.matcher.matches(request, body)]
    assert snapshot.route_for(request, body) is (holding[0] if holding else None)
    trail = snapshot.explain(request, body)
    assert [verdict.matched for _, verdict in trail] == [False] * (len(trail) - bool(holding)) + [True] * bool(holding)
    dead = {name for name, _ in unreachable([(route.name, route.matcher) for route in routes])}
    assert not holding or holding[0].name not in dead, "a route that is called unreachable is never taken"
