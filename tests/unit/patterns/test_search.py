"""Regular expressions of strangers: what they mean here, which are not read, and that none of them takes its time."""

import pytest

from luna.patterns.meter import Meter, SpentError
from luna.patterns.read import LONGEST, MOST_STEPS, steps_of
from luna.patterns.search import found

PLENTY = 200_000
LEAP_DATE = (
    r"^(?:(?:\d\d[2468][048]|\d\d[13579][26]|\d\d0[48]|[02468][048]00|[13579][26]00)-02-29|\d{4}-(?:(?:0[13578]"
    r"|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|(?:02)-(?:0[1-9]|1\d|2[0-8])))$"
)


def search(pattern: str, text: str) -> bool | None:
    return found(pattern, text, Meter(PLENTY))


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("", ["", "a"], []),
        ("b", ["abc"], ["", "ac"]),
        ("^ab|c$", ["abx", "xc"], ["xab", "cx"]),
        ("^(ab|c)$", ["ab", "c"], ["abc", "b"]),
        (r"^\d{4}-\d{2}$", ["2026-11"], ["2026-1", "2026-111", "2026-11\n"]),
        ("^a{2,3}$", ["aa", "aaa"], ["a", "aaaa"]),
        ("^a{2,}?b$", ["aab", "aaaaab"], ["ab"]),
        ("^a{,2}$", ["a{,2}"], ["aa"]),
        ("^(a{0})b$", ["b"], ["ab"]),
        ("^(a*)*$", ["", "aaaa"], ["ab"]),
        ("^.$", ["a", "é", "😀"], ["", "\n", "ab"]),
        (r"^[^\s/][\w.-]*$", ["a.b-c", "ü_1"], ["/a", " a", "a b"]),
        ("^[a-cx-]+$", ["abc-x"], ["d"]),
        (r"^[\]\\^-]+$", ["]\\^-"], ["a"]),
        ("^[]$", [], ["", "a", "]"]),
        ("^[^]$", ["a", "\n"], [""]),
        (r"^[\d-x]$", ["1", "-", "x"], ["a"]),
        (r"\bcat\b", ["a cat.", "cat"], ["cats", "concat"]),
        (r"\Bcat", ["concat"], ["cat"]),
        ("^(?!con$)[a-z]+$", ["cone", "com"], ["con"]),
        (r"^(?=.*\d)(?=.*[a-z]).{3,}$", ["ab1", "1xx"], ["abc", "123", "a1"]),
        (r"(?<=\$)\d+$", ["$12"], ["12", "$1a"]),
        (r"(?<!\$)\b\d+$", ["12", "a 3"], ["$12"]),
        (r"(?<=^ab)c", ["abc"], ["xabc"]),
        ("^(?<year>[0-9]+)$", ["12"], ["a"]),
        ("^(?P<year>[0-9]+)$", ["12"], ["a"]),
        ("^(?:a|b)+$", ["abba"], [""]),
        (r"\Aab\Z", ["ab"], ["ab\n"]),
        (r"^\p{Lu}\p{Letter}+\P{L}$", ["Über1"], ["über1", "Übers"]),
        (r"^[\p{Nd}\p{P}]+$", ["1,2"], ["a"]),
        (r"^\u0041\x42\u{1F600}\cA\0$", ["AB😀\x01\0"], ["AB"]),
        (r"^\/\-\.\@$", ["/-.@"], ["/-.a"]),
        (r"^\t\n\v\f\r$", ["\t\n\v\f\r"], [" "]),
    ],
)
def test_what_they_mean(pattern: str, fits: list[str], fits_not: list[str]) -> None:
    assert {text: search(pattern, text) for text in (*fits, *fits_not)} == dict.fromkeys(fits, True) | dict.fromkeys(
        fits_not, False
    )


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        (  # an address of electronic mail, as zod writes it
            r"^(?!\.)(?!.*\.\.)([A-Za-z0-9_'+\-\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}$",
            ["a.b+c@mail.example.org"],
            [".a@b.org", "a..b@c.org", "a@b", "a@-b.org"],
        ),
        (
            LEAP_DATE,
            ["2024-02-29", "2026-11-30"],
            ["2026-02-29", "2026-11-31", "26-11-30"],
        ),
        (
            r"^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12})$",
            ["123e4567-e89b-12d3-a456-426614174000"],
            ["123e4567-e89b-02d3-a456-426614174000", "123e4567e89b12d3a456426614174000"],
        ),
        (r"^[a-z0-9]+(?:-[a-z0-9]+)*$", ["a-b-c1"], ["a--b", "-a", "A"]),
    ],
)
def test_what_generators_of_schemas_write(pattern: str, fits: list[str], fits_not: list[str]) -> None:
    assert [search(pattern, text) for text in fits] == [True] * len(fits)
    assert [search(pattern, text) for text in fits_not] == [False] * len(fits_not)


@pytest.mark.parametrize(
    "pattern",
    [
        *("(", ")", "[", "[a", "a**", "a{2}{3}", "*a", "a{3,2}", "[z-a]", "\\", "(?<1>a)", "(?<a"),
        *(r"(a)\1", r"\k<a>", "(?i)a", "(?i:a)", r"\p{Script=Greek}", r"\pL", r"\u12", r"\u{110000}", r"\ud83d\ude00"),
        *("a" * (LONGEST + 1), "(" * 100 + ")" * 100, f"(a{{{MOST_STEPS}}})", "(((a{99}){99}){99}){99}"),
        *("(((){9999}){9999}){9999}", "(((a{0}){9999}){9999}){9999}", "(?=a{999})" * 9),
        r"[\d\D\w\W\s\S\p{L}\p{N}\p{P}]",
    ],
    ids=lambda pattern: pattern[:24],
)
def test_what_is_not_read(pattern: str) -> None:
    assert steps_of(pattern) is None
    assert search(pattern, "a") is None


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^(a+)+$", "a" * 3000 + "!"),
        ("^(a|aa)+$", "a" * 3000 + "!"),
        (r"(\w+\s?)*;", "a " * 1500),
        (r"\s+$", " " * 3000 + "x"),
        ("(.*)(.*)(.*)(.*)x", "a" * 3000),
        ("(?:a?){30}a{30}$", "a" * 1200 + "b"),
    ],
)
def test_what_goes_round_and_round_elsewhere_is_found_out_in_one_go(pattern: str, text: str) -> None:
    half, whole = (_work(pattern, text[-length:]) for length in (len(text) // 2, len(text)))
    assert whole < min(2.5 * half, PLENTY)


class Counter(Meter):
    """Counts the work."""

    def __init__(self) -> None:
        super().__init__(0)
        self.spent = 0

    def spend(self, units: int) -> None:
        """One more piece of it."""
        self.spent += units


def _work(pattern: str, text: str) -> int:
    counter = Counter()
    assert found(pattern, text, counter) is False
    return counter.spent


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(?=.*x)", "a" * 9000),
        ("(?:(?=(?:a|b)*c)a)*d", "a" * 9000),
        (r"(?<=^\w*)!", "a" * 9000),
        ("(?:x?){1000}y", "x" * 9000),
    ],
)
def test_what_takes_too_much_work_is_given_up(pattern: str, text: str) -> None:
    with pytest.raises(SpentError):
        search(pattern, text)


def test_a_meter_says_what_is_left() -> None:
    assert repr(Meter(3)) == "<Meter 3 left>"
