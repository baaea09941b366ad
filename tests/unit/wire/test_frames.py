"""What stands in a recording's lines."""

import msgspec
import pytest

from luna.wire.frames import (
    AnyFrame,
    ClientBytes,
    ClientRequested,
    ClientStart,
    Document,
    End,
    Events,
    Failure,
    Head,
    Recalled,
    Truncated,
    UpData,
    UpEnd,
    UpHead,
    UpRequest,
    pack,
)

FRAMES: list[tuple[AnyFrame, str]] = [
    (
        Head(0, 1, "0.3.0", "flow_1", 1790000000.5, "00ff", "all", "agent", "9f2c", msgspec.Raw(b'{"limit":{"n":1}}')),
        """{"k":"head","t":0,"v":1,"luna":"0.3.0","flow":"flow_1","born":1790000000.5,"seed":"00ff","route":"all",
           "pipeline":"agent","snapshot":"9f2c","options":{"limit":{"n":1}}}""",
    ),
    (
        ClientRequested(5, "POST", "/v1/messages", headers=(("accept", "*/*"),), text="{}"),
        """{"k":"client.request","t":5,"method":"POST","path":"/v1/messages","headers":[["accept","*/*"]],
           "text":"{}"}""",
    ),
    (
        Document(6, "tools", msgspec.Raw(b'{"model":"m"}')),
        """{"k":"document","t":6,"boundary":"tools","doc":{"model":"m"}}""",
    ),
    (Document(7, "limit"), """{"k":"document","t":7,"boundary":"limit"}"""),
    (
        Recalled(7, "resp_1", msgspec.Raw(b'{"id":"resp_1"}'), msgspec.Raw(b"[]")),
        """{"k":"recalled","t":7,"response":"resp_1","document":{"id":"resp_1"},"items":[]}""",
    ),
    (UpRequest(8, 1, "GET", "https://a/b"), """{"k":"up.request","t":8,"x":1,"method":"GET","url":"https://a/b"}"""),
    (UpHead(9, 1, 200), """{"k":"up.head","t":9,"x":1,"status":200}"""),
    (UpData(10, 1, text="data: 1\n\n"), """{"k":"up.data","t":10,"x":1,"text":"data: 1\\n\\n"}"""),
    (UpEnd(11, 1), """{"k":"up.end","t":11,"x":1}"""),
    (
        UpEnd(11, 1, "broken", "timeout", "too slow"),
        """{"k":"up.end","t":11,"x":1,"how":"broken","kind":"timeout","message":"too slow"}""",
    ),
    (Events(12, "qwen", 3, msgspec.Raw(b"[]")), """{"k":"events","t":12,"boundary":"qwen","n":3,"events":[]}"""),
    (Events(12, "tools", 3), """{"k":"events","t":12,"boundary":"tools","n":3}"""),
    (ClientStart(13, 200), """{"k":"client.start","t":13,"status":200}"""),
    (ClientBytes(14, text="x"), """{"k":"client.bytes","t":14,"text":"x"}"""),
    (Failure(15, "timeout", "too slow"), """{"k":"error","t":15,"kind":"timeout","message":"too slow"}"""),
    (Truncated(16, 1000), """{"k":"truncated","t":16,"budget":1000}"""),
    (End(17, "completed"), """{"k":"end","t":17,"outcome":"completed"}"""),
]


@pytest.mark.parametrize(("frame", "line"), FRAMES, ids=[line.split('"')[3] for _, line in FRAMES])
def test_a_frame_is_a_readable_line_and_comes_back(frame: AnyFrame, line: str) -> None:
    line = "".join(part.strip() for part in line.splitlines())
    assert msgspec.json.encode(frame).decode() == line
    again = msgspec.json.decode(line, type=AnyFrame)
    assert msgspec.json.encode(again).decode() == line


@pytest.mark.parametrize(
    ("data", "packed"),
    [
        (b"", {"text": ""}),
        ("Würde 人 🙂".encode(), {"text": "Würde 人 🙂"}),
        (b"\x00\x1f", {"text": "\x00\x1f"}),
        ("人".encode()[1:] + b"abc", {"before": "uro=", "text": "abc"}),
        (b"abc" + "人".encode()[:2], {"text": "abc", "after": "5Lo="}),
        (b"abc" + "🙂".encode()[:3], {"text": "abc", "after": "8J+Z"}),
        ("人".encode()[2:] + b"abc" + "ü".encode()[:1], {"before": "ug==", "text": "abc", "after": "ww=="}),
        ("人".encode()[1:], {"before": "uro="}),
        ("人".encode()[:1], {"after": "5A=="}),
        (b"ab\xff\xfecd", {"before": "YWL//mNk"}),
        (b"\x80\x80\x80\x80", {"before": "gICAgA=="}),
        (b"\xff", {"after": "/w=="}),
    ],
)
def test_bytes_are_text_as_far_as_they_are_utf_8(data: bytes, packed: dict[str, str]) -> None:
    assert pack(data) == packed
    assert ClientBytes(0, **pack(data)).data == data


def test_what_is_no_base64_is_refused() -> None:
    with pytest.raises(ValueError, match="base64"):
        _ = ClientBytes(0, before="%%%").data
