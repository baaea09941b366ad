"""A recording read back: whole, cut short, damaged, or from another version of luna."""

from typing import Any

import pytest

from luna.model.errors import Kind, LunaError
from luna.model.events import Finish, TextDelta
from luna.wire.reader import read
from luna.wire.upgrade import upgrade, version_of
from tests.support.tape import MemoryRecording

HEAD = (
    b'{"k":"head","t":0,"v":1,"luna":"0.3.0","flow":"flow_1","born":1.5,"seed":"00ff","route":"r","pipeline":"p",'
    b'"snapshot":"s"}'
)
REQUEST = b'{"k":"up.request","t":1,"x":1,"method":"GET","url":"https://a/"}'
END = b'{"k":"end","t":9,"outcome":"completed"}'


def refused(*lines: bytes) -> str:
    with pytest.raises(LunaError) as caught:
        read(lines)
    assert caught.value.kind is Kind.BAD_REQUEST
    assert caught.value.hint
    return caught.value.message


def test_a_small_one() -> None:
    recording = read([HEAD, REQUEST, END])
    assert recording.head.flow == "flow_1"
    assert recording.exchanges[0].opened.url == "https://a/"
    assert (recording.client, recording.documents, recording.events, recording.answer) == (None, {}, {}, b"")
    assert repr(recording) == "<Recording flow_1 p completed exchanges=1>"
    assert repr(recording.exchanges[0]) == "<Exchange GET https://a/ 0 chunks=0 open>"


def test_line_ends_do_not_matter() -> None:
    assert read([HEAD + b"\n", END + b"\r\n"]).end is not None


@pytest.mark.parametrize("size", range(len(END) - 1, 0, -7))
def test_a_last_line_that_was_cut_is_passed_over(size: int) -> None:
    recording = read([HEAD, REQUEST, END[:size]])
    assert recording.end is None
    assert len(recording.exchanges) == 1


def test_a_recording_that_stops_in_the_middle_makes_nothing_up() -> None:
    made = MemoryRecording()
    for batch in ([TextDelta("a")], [TextDelta("b")]):
        made.recorder.events("qwen", batch)
        made.recorder.events("tools", batch)
    made.recorder.events("qwen", [Finish("stop")])
    made.recorder.ended("completed")
    recording = read(made.sink.lines[:-1])
    assert len(recording.events["qwen"]) == 3
    assert len(recording.events["tools"]) == 2


def test_lines_that_refer_to_many_messages_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("luna.wire.reader.MOST_MESSAGES", 12)
    first = b'{"k":"document","t":1,"boundary":"a","doc":{"model":"m","messages":[%b]}}' % b",".join(
        [b'{"role":"user","parts":[]}'] * 4
    )
    later = [b'{"k":"document","t":1,"boundary":"%d","doc":{"model":"m","messages":[[0,4]]}}' % n for n in range(3)]
    assert len(read([HEAD, first, *later[:2], END]).documents) == 3
    assert "line 5: its documents have too many messages" in refused(HEAD, first, *later, END)


def test_a_batch_that_was_left_out_is_not_made_up() -> None:
    first = b'{"k":"events","t":1,"boundary":"qwen","n":1,"events":[{"t":"text","text":"a"}]}'
    later = [b'{"k":"events","t":%d,"boundary":"tools","n":%d}' % (n, n) for n in (2, 9)]
    recording = read([HEAD, first, b'{"k":"truncated","t":1,"budget":5}', *later, END])
    assert recording.events == {"qwen": [[TextDelta("a")]]}
    assert len(recording.batches) == 1


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ([], "empty"),
        ([b"not json"], "line 1: "),
        ([HEAD, REQUEST[:-5], END], "line 2: "),
        ([HEAD, b'{"k":"surprise","t":1}'], "line 2: Invalid value 'surprise'"),
        ([HEAD, b'{"k":"up.head","t":1,"x":1,"status":"200"}'], "line 2: Expected `int`"),
        ([HEAD, b"[]"], "line 2: "),
        ([HEAD, HEAD], "line 2: a second head"),
        ([REQUEST, END], "line 1: it does not begin with a head"),
        ([b'{"k":"end","t":1,"v":1,"outcome":"x"}'], "line 1: a recording begins with its head"),
        ([HEAD, b'{"k":"up.head","t":1,"x":1,"status":200}'], "line 2: exchange 1 was never opened"),
        ([HEAD, REQUEST, REQUEST], "line 3: exchange 1 was opened out of its turn"),
        ([HEAD, b'{"k":"document","t":1,"boundary":"b"}'], "line 2: the document at 'b' refers to one before it"),
        ([HEAD, b'{"k":"document","t":1,"boundary":"b","doc":{"model":1}}'], "line 2: Expected `str`"),
        ([HEAD, b'{"k":"events","t":1,"boundary":"b","n":1,"events":[{"t":"x"}]}'], "line 2: Invalid value 'x'"),
        ([HEAD, b'{"k":"events","t":1,"boundary":"b","n":0}'], "line 2: there is no batch 0 after 0 batches"),
        ([HEAD, b'{"k":"events","t":1,"boundary":"b","n":90000}'], "line 2: there is no batch 90000 after 0 batches"),
        ([HEAD, b'{"k":"client.bytes","t":1,"before":"%%"}'], "line 2: "),
        ([HEAD, b'{"k":"client.bytes","t":1,"text":"\xff"}', END], "line 2: "),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(lines: list[bytes], what: str) -> None:
    assert what in refused(*lines)


@pytest.mark.parametrize(
    ("version", "what"),
    [
        (b"2", "it has format 2 and this luna reads formats up to 1: update luna"),
        (b"0", "it has format 0, and nothing leads from format 0 to 1"),
        (b'"1"', "names the format's version"),
        (b"true", "names the format's version"),
    ],
)
def test_other_versions(version: bytes, what: str) -> None:
    assert what in refused(HEAD.replace(b'"v":1', b'"v":' + version))


def from_before_there_was_a_version_1(frame: dict[str, Any]) -> dict[str, Any]:
    """A format that never was: `kind` for `k`, milliseconds, and an outcome called otherwise."""
    frame = {"k": frame.pop("kind"), **frame, "t": frame["t"] * 1000}
    if frame["k"] == "head":
        frame["v"] = 1
    if frame.get("outcome") == "ok":
        frame["outcome"] = "completed"
    return frame


def test_older_recordings_climb_the_ladder() -> None:
    old = [
        HEAD.replace(b'"k"', b'"kind"').replace(b'"v":1', b'"v":0'),
        REQUEST.replace(b'"k"', b'"kind"'),
        b'{"kind":"document","t":2,"boundary":"b","doc":{"model":"m","messages":[]}}',
        b'{"kind":"end","t":7,"outcome":"ok"}',
    ]
    recording = read(old, {0: from_before_there_was_a_version_1})
    assert recording.head.v == 1
    assert recording.exchanges[0].opened.t == 1000
    assert recording.documents["b"].model == "m"
    assert recording.end is not None
    assert (recording.end.t, recording.end.outcome) == (7000, "completed")


def test_the_ladder_takes_every_rung() -> None:
    ladder = {
        -1: lambda frame: {**frame, "seen": [*frame.get("seen", []), -1]},
        0: lambda frame: {**frame, "seen": [*frame.get("seen", []), 0]},
    }
    assert version_of({"v": -1}, ladder) == -1
    assert upgrade({"k": "x"}, -1, ladder) == {"k": "x", "seen": [-1, 0]}
    assert upgrade({"k": "x"}, 1, ladder) == {"k": "x"}
