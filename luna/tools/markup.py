r"""ML_XML: the markup in which the model reads past calls and results and writes new calls.

Owns the names of the tags and how names and values are written. Knows no tools, no requests, and not how calls
are read back.

    <ml_tool_calls>
    <ml_tool_call id="call_1">
    <ml_tool_name>Grep</ml_tool_name>
    <ml_parameters>
    <pattern><![CDATA[a < b]]></pattern>
    <limit>20</limit>
    <ml_parameter name="-n">true</ml_parameter>
    </ml_parameters>
    </ml_tool_call>
    </ml_tool_calls>

    <ml_tool_result id="call_1" name="Grep"><![CDATA[src/a.c:3: if (a < b)]]></ml_tool_result>

Text stands in CDATA, everything else is JSON (in CDATA too where it holds `<`, `&` or `]]>`). A parameter is an
element of its own name, or `<ml_parameter name="…">` where its name cannot be one. Only past calls carry an `id`.

What is written parses as XML, except for characters that XML 1.0 does not have (section 2.2: most control
characters); they are kept as they are. A parser turns `\r\n` and `\r` into `\n` (section 2.11), so whoever wants the
exact text takes it from between the marks.
"""

import re
from collections.abc import Iterable

import msgspec

from luna.model.late_pattern import LatePattern

CALLS = "ml_tool_calls"
CALL = "ml_tool_call"
NAME = "ml_tool_name"
PARAMETERS = "ml_parameters"
PARAMETER = "ml_parameter"
"""A parameter whose name, in the attribute `name`, cannot be an element's."""
RESULT = "ml_tool_result"
TAGS = (CALLS, CALL, NAME, PARAMETERS, PARAMETER, RESULT)

CDATA_BEGIN = "<![CDATA["
CDATA_END = "]]>"
CDATA_SPLIT = "]]]]><![CDATA[>"
"""How `]]>` is written inside CDATA."""

_ELEMENT_NAME = LatePattern(r"(?!ml_|xml)[A-Za-z_][A-Za-z0-9_.-]*", re.IGNORECASE)
_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_ATTRIBUTE = _TEXT | str.maketrans({'"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"})


def cdata(text: str) -> str:
    """The text as a CDATA section, or several where it holds `]]>`."""
    return f"{CDATA_BEGIN}{text.replace(CDATA_END, CDATA_SPLIT)}{CDATA_END}"


def escape(text: str) -> str:
    """The text as it may stand between tags."""
    return text.translate(_TEXT)


def quoted(value: str) -> str:
    """The value as an attribute's."""
    return f'"{value.translate(_ATTRIBUTE)}"'


def attributes(**values: str) -> str:
    """` name="value"` for each value that is not empty."""
    return "".join(f" {name}={quoted(value)}" for name, value in values.items() if value)


def is_element_name(parameter: str) -> bool:
    """True when a parameter of this name is an element of its own."""
    return _ELEMENT_NAME.fullmatch(parameter) is not None


def parameter(name: str, written: str) -> str:
    """One parameter of a call; `written` is its value in the markup."""
    if is_element_name(name):
        return f"<{name}>{written}</{name}>"
    return f"<{PARAMETER} name={quoted(name)}>{written}</{PARAMETER}>"


def value(json: msgspec.Raw) -> str:
    """A value, given as JSON text: a string as its text in CDATA, anything else as the JSON it is."""
    written = bytes(json).decode()
    if written.startswith('"'):
        return cdata(msgspec.json.decode(written, type=str))
    return cdata(written) if any(mark in written for mark in ("<", "&", CDATA_END)) else written


def call(name: str, arguments: str, *, id: str = "") -> str:
    """One call. `arguments` is JSON text; what is no JSON object stands as it is where the parameters would."""
    inside = "\n".join(parameter(key, written) for key, written in _parameters(arguments))
    body = f"\n{inside}\n" if inside else cdata(arguments) if _says_something(arguments) else ""
    return (
        f"<{CALL}{attributes(id=id)}>\n<{NAME}>{escape(name)}</{NAME}>\n<{PARAMETERS}>{body}</{PARAMETERS}>\n</{CALL}>"
    )


def calls(written: Iterable[str]) -> str:
    """The wrapper around calls that were made together."""
    return "\n".join((f"<{CALLS}>", *written, f"</{CALLS}>"))


def result(content: str, *, id: str, name: str, error: bool = False, attached: str = "") -> str:
    """What a call gave back. `attached` names what comes beside the text."""
    empty = "" if content or attached else "true"
    said = attributes(id=id, name=name, error="true" if error else "", attached=attached, empty=empty)
    return f"<{RESULT}{said}>{cdata(content) if content else ''}</{RESULT}>"


def _parameters(arguments: str) -> list[tuple[str, str]]:
    try:
        return [(key, value(json)) for key, json in msgspec.json.decode(arguments, type=dict[str, msgspec.Raw]).items()]
    except (msgspec.DecodeError, UnicodeError, RecursionError):  # UnicodeError: half of a UTF-16 pair
        return []


def _says_something(arguments: str) -> bool:
    return arguments.strip() not in ("", "{}", "null")
