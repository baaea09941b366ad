"""What a client's JSON Schema makes luna look for. An input is two texts with a NUL between them.

patterns       a regular expression and a text: found or not, whatever stands around it in brackets and alternatives,
               and as Python's own engine says where both mean the same; never more work than is allowed
schemas        a schema and a value: sentences, few and short ones, the same each time; never more work than is allowed
"""

import re
import warnings
from collections.abc import Iterator

import msgspec

from luna.patterns.meter import Meter, SpentError
from luna.patterns.search import found
from luna.tools.schema_check import MOST, fault_of, problems
from tests.fuzz.guided import Target

WORK = 200_000
"""Units for one pattern."""
_ALIKE = re.compile(r"[a-c1 .|()*+?]{0,24}\Z")
"""Patterns that mean the same to Python."""


def patterns(data: bytes) -> None:
    """A pattern, and the text that it is looked for in."""
    pattern, text = _two(data)
    told = _found(pattern, text)
    assert told == _found(pattern, text), "not the same twice"
    if told is None:
        return
    # Either may take too much work, or be too large, where the other does not.
    for around in (f"(?:{pattern})", f"(?=(?:{pattern}))", f"(?:{pattern})|(?:{pattern})"):
        assert _found(around, text) in (told, None), f"another verdict for {around!r}"
    if _ALIKE.match(pattern) and len(text) <= 12 and "\n" not in text and text.isascii():
        python = _python(pattern, text)
        assert python in (told, None), f"Python's engine says {python}"


def _found(pattern: str, text: str) -> bool | None:
    """None: not readable, or too much work."""
    try:
        return found(pattern, text, Meter(WORK))
    except SpentError:
        return None


def _python(pattern: str, text: str) -> bool | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.search(pattern, text) is not None
    except re.error:
        return None


def schemas(data: bytes) -> None:
    """A schema, and the value that it is asked about."""
    written, said = _two(data)
    try:
        schema = msgspec.json.decode(written, type=dict)
        value = msgspec.json.decode(said)
    except (msgspec.DecodeError, RecursionError):
        return
    sentences = problems(value, schema, "It")
    assert sentences == problems(value, schema, "It"), "not the same twice"
    assert len(sentences) <= MOST, "too many sentences"
    # Names of members are told whole, and stand in the schema or the value.
    longest = max(map(len, sentences), default=1)
    assert min(map(len, sentences), default=1) > 0
    assert longest < 1000 + 6 * len(data), f"a sentence of {longest}"
    fault = fault_of(schema)
    assert not (fault and sentences), "wrong by a schema that is none"


def _two(data: bytes) -> tuple[str, str]:
    first, _, second = data.decode("utf-8", "replace").partition("\0")
    return first, second


_PATTERNS = (
    ("^[a-z]+(?:-[a-z]+)*$", "some-words-here"),
    (r"(?<!x)\b\w{2,5}\d?(?=,|$)", "ab1, cd"),
    (r"[^\s\d-]+|\p{Lu}\u0041\x41", "xA"),
    ("(a|ab)(c|bcd)(d*)", "abcd"),
    ("(a*)*(b?|c)+1", "aaab1"),
)
_SCHEMAS = (
    ('{"type":"object","properties":{"a":{"type":"string","pattern":"^x+$"}},"required":["a"]}', '{"a":"xx"}'),
    ('{"$ref":"#/$defs/n","$defs":{"n":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/n"}]}}}', "1"),
    ('{"oneOf":[{"const":1},{"enum":[1,2]},{"multipleOf":0.5}],"not":{"type":"string"}}', "1"),
    ('{"type":"array","prefixItems":[{"type":"integer"}],"items":false,"uniqueItems":true}', "[1,1]"),
    ('{"patternProperties":{"^a":{"minimum":3}},"additionalProperties":false}', '{"a1":2,"b":1}'),
    ('{"if":{"required":["a"]},"then":{"dependentRequired":{"a":["b"]}},"else":false}', '{"a":1}'),
    ('{"$dynamicRef":"#m","$defs":{"x":{"$dynamicAnchor":"m","type":"object"}},"unevaluatedProperties":false}', "{}"),
)


def _seeds(pairs: tuple[tuple[str, str], ...]) -> Iterator[bytes]:
    for first, second in pairs:
        yield f"{first}\0{second}".encode()


TARGETS = {
    "patterns": Target(
        "patterns",
        patterns,
        lambda: _seeds(_PATTERNS),
        (
            b"(?:",
            b"(?=",
            b"(?!",
            b"(?<=",
            b"(?<!",
            rb"\b",
            rb"\w",
            rb"\p{L}",
            b"[^",
            b"{2,}",
            b"{0,3}",
            b"*?",
            b"$",
            b"\0",
        ),
        largest=512,
        short=150,
    ),
    "schemas": Target(
        "schemas",
        schemas,
        lambda: _seeds(_SCHEMAS),
        (b'"$ref":"#"', b'"allOf":[', b'"items":{', b'"pattern":"', b'"minLength":', b'"contains":{', b"\0", b"1e999"),
        largest=2048,
        short=60,
    ),
}
