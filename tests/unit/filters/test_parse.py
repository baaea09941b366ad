"""What people write, what it means, and what they are told when it means nothing."""

import pytest

from luna.filters.conditions import Born, Both, Compares, Condition, Contains, Either, Has, Matches, Not, OneOf
from luna.filters.explain import explain, sentence
from luna.filters.operators import ACTIVE, OPERATORS, OUTCOMES
from luna.filters.parse import parse
from luna.filters.scan import FilterError
from luna.state.run import NEXT, RunRecord

NOW = 1_790_000_000.0
M, A, E, T, Q, X = (OPERATORS[letter] for letter in "maetqx")
D, F, N, B, OUT = (OPERATORS[letter] for letter in "dfnbo")

model = Matches(M, "qwen*")
hello = Contains(Q, "hello")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", None),
        ("   ", None),
        ("~m qwen*", model),
        ("~m 'qwen*'", model),
        ("hello", hello),
        ("HELLO", hello),
        ('~q "hello"', hello),
        ('"~m qwen*"', Contains(Q, "~m qwen*")),
        ("don't", Contains(Q, "don't")),
        ("a!b~c", Contains(Q, "a!b~c")),
        ("~e", Has(E)),
        ("~e rate*", Matches(E, "rate*")),
        ("~e & hello", Both((Has(E), hello))),
        ("~x hello", Both((Has(X), hello))),
        ("~x~e", Both((Has(X), Has(E)))),
        ("!~x", Not(Has(X))),
        ("!!~x", Not(Not(Has(X)))),
        ("~m qwen* & ~e & ~t Bash", Both((model, Has(E), Matches(T, "Bash")))),
        ("~m qwen* ~e | hello", Either((Both((model, Has(E))), hello))),
        ("~m qwen* (~e | hello)", Both((model, Either((Has(E), hello))))),
        ("(~m qwen*)", model),
        ("!(hello|~e)", Not(Either((hello, Has(E))))),
        ("~o failed", OneOf(OUT, ("failed",))),
        ("~o C*", OneOf(OUT, ("completed", "cancelled", "client-gone"))),
        ("~o active", OneOf(OUT, ACTIVE)),
        ("~d >2s", Compares(D, ">", 2000.0)),
        ("~d > 2s", Compares(D, ">", 2000.0)),
        ("~d>2", Compares(D, ">", 2000.0)),
        ("~d <=500ms", Compares(D, "<=", 500.0)),
        ("~f >=1.5m", Compares(F, ">=", 90_000.0)),
        ("~n >10k", Compares(N, ">", 10_000.0)),
        ("~n = 7", Compares(N, "=", 7.0)),
        ("~b <1h", Born(B, NOW - 3600, None)),
        ("~b >2d", Born(B, None, NOW - 172_800)),
        ("~b 2026-11-22", Born(B, 1_795_305_600.0, 1_795_392_000.0)),
        ("~b 2026-11-22T19:40Z", Born(B, 1_795_376_400.0, 1_795_376_460.0)),
        ("~b 2026-11-22T19..2026-11-22T19:05", Born(B, 1_795_374_000.0, 1_795_374_300.0)),
    ],
)
def test_what_is_written_is_what_is_meant(text: str, meant: Condition | None) -> None:
    assert parse(text, NOW) == meant


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("~", 1, "one letter"),
        ("~m", 3, "a value, such as ~m qwen*"),
        ("~m & ~e", 3, "a value"),
        ("~model x", 1, "one of ~m, ~a"),
        ("~args x", 1, "one of ~m, ~a"),
        ("~ x", 1, "one letter"),
        ("~z x", 1, "one of ~m, ~a"),
        ("hello &", 8, "a condition"),
        ("hello & | x", 9, "a condition"),
        ("(hello", 7, "a )"),
        ("hello)", 6, "the end"),
        ("()", 2, "a condition"),
        ("!", 2, "a condition"),
        ('~q "abc', 4, 'another "'),
        ('~m ""', 4, "a value"),
        ("~o done", 4, "one of queued"),
        ("~d 2s", 4, "a comparison of times"),
        ("~d >2 parsecs", 7, ""),
        ("~d >2x", 4, "a comparison of times"),
        ("~d =2s", 4, "a comparison of times"),
        ("~n many", 4, "a comparison of numbers"),
        ("~b yesterday", 4, "an age such as"),
        ("~b 2026-13-01", 4, "an age such as"),
        ("~b 0000-01-01", 4, "an age such as"),
        ("~b 9999-12-31", 4, "an age such as"),
        ("a\x00b", 2, "letters"),
        ("(" * 40 + "a" + ")" * 40, 32, "at most"),
        ("!" * 40 + "a", 32, "at most"),
        ("a" * 1001, 1001, "at most"),
    ],
)
def test_what_means_nothing_is_told_with_its_column(text: str, column: int, expected: str) -> None:
    if not expected:
        assert parse(text, NOW) == Both((Compares(D, ">", 2000.0), Contains(Q, "parsecs")))
        return
    with pytest.raises(FilterError) as caught:
        parse(text, NOW)
    assert (caught.value.column, caught.value.param) == (column, "filter")
    assert expected in caught.value.expected
    assert str(column) in caught.value.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ""),
        ("~m qwen* & ~e & ~t Bash", "the model is like qwen* and there is an error and a called tool is Bash"),
        ("~m qwen3 !(~x | hi)", "the model is qwen3 and not (it was recorded or what the user said contains hi)"),
        ("~o active ~d >2s", "the outcome is queued or running or streaming and the duration > 2000 ms"),
        ("~n <10k", "the number of tokens < 10000"),
        ("~b 2026-11-22", "it began between 2026-11-22 00:00:00 UTC and 2026-11-23 00:00:00 UTC"),
        ("~b <1h", "it began after 2026-09-21 13:13:20 UTC"),
    ],
)
def test_a_filter_is_said_in_words(text: str, said: str) -> None:
    assert sentence(explain(parse(text, NOW))) == said


@pytest.mark.parametrize("operator", OPERATORS.values(), ids=lambda operator: operator.field)
def test_every_operator_has_an_example_that_works(operator: object) -> None:
    assert hasattr(operator, "example")
    meant = parse(operator.example, NOW)
    assert meant is not None
    assert sentence(explain(meant))


def test_the_table_speaks_of_runs_as_they_are() -> None:
    assert set(OUTCOMES) == set(NEXT)
    columns = {column for operator in OPERATORS.values() for column in operator.columns}
    assert columns <= set(RunRecord.__struct_fields__)
    assert len({operator.field for operator in OPERATORS.values()}) == len(OPERATORS)
