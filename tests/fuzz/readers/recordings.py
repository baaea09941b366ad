"""Recordings and bundles, which may come from anybody.

recordings   a recording that is equal when it is written and read again, and can be looked at in every way; or
             LunaError(BAD_REQUEST) that names the line
bundles      the same for a zip: of any bytes, or, for a JSON object, one with these files in it
"""

import io
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from luna.model.errors import Kind, LunaError
from luna.replay.anonymous import anonymous
from luna.replay.unpack import unpack
from luna.wire.boundaries import boundaries, document_at, events_at
from luna.wire.causes import story
from luna.wire.diff import differences
from luna.wire.reader import Recording, read
from luna.wire.timeline import lanes, length, spans
from luna.wire.writing import lines_of
from tests.fuzz.guided import Target
from tests.fuzz.scratch import scratch
from tests.support.scenarios import scenario, transcript

FLOW = "flow_0123456789abcdef01234567"


def recordings(data: bytes) -> None:
    """A file."""
    try:
        recording = read(data.splitlines(keepends=True))
    except LunaError as error:
        _refused(error)
        return
    _looked_at(recording, in_order=_in_order(data.splitlines()))


def _refused(error: LunaError) -> None:
    assert error.kind is Kind.BAD_REQUEST, f"kind: {error!r}"
    assert error.hint and len(error.message) < 2000, f"a message: {error.message[:300]}"


def _in_order(lines: Iterable[bytes]) -> bool:
    """Whether time goes on from line to line, and no batch leaves a boundary twice, as in every recording of luna's:
    such a one can be written again."""
    times: list[int] = []
    batches: list[tuple[str, int]] = []
    for line in lines:
        try:
            frame = msgspec.json.decode(line, type=_Frame)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        times.append(frame.t)
        if frame.k == "events":
            batches.append((frame.boundary, frame.n))
    return times == sorted(times) and min(times, default=0) >= 0 and len(batches) == len(set(batches))


class _Frame(msgspec.Struct):
    t: int
    k: str = ""
    boundary: str = ""
    n: int = 0


def _looked_at(recording: Recording, *, in_order: bool) -> None:
    repr(recording)
    found = boundaries(recording)
    for boundary in found:
        (document_at if boundary.side == "request" else events_at)(recording, boundary.name)
    spans(recording)
    lanes(recording, 0, length(recording), 20)
    for number in range(1, min(len(recording.batches), 3) + 1):
        story(recording, number)
    anonymous(recording)
    if in_order:
        again = read(lines_of(recording))
        assert not differences(recording, again), "unstable: what is written"


_PATH = scratch() / "x.zip"


def bundles(data: bytes) -> None:
    """A bundle."""
    _PATH.write_bytes(_packed(data))
    try:
        bundle = unpack(_PATH)
    except LunaError as error:
        _refused(error)
        return
    for name in bundle.config:
        path = Path(name)
        assert not path.is_absolute() and ".." not in path.parts, f"a way out: {name!r}"
    _looked_at(bundle.recording, in_order=_in_order(bundle.lines.splitlines()))


def _packed(data: bytes) -> bytes:
    try:
        files = msgspec.json.decode(data, type=dict[str, str])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return data
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            if 0 < len(name) < 200 and "\0" not in name:
                archive.writestr(zipfile.ZipInfo(name), content.encode("utf-8", "replace"))
    return made.getvalue()


def recording_seeds() -> Iterator[bytes]:
    """Three as luna writes them, and one of every frame that there is."""
    for name in ("01_plain_answer_fast", "20_err_rate_limited_json", "03_thinking_summary_then_answer"):
        yield b"".join(lines_of(scenario(transcript(name), stream=True)))[:9000]
    lines = (
        b'{"k":"head","t":0,"v":1,"luna":"0.1","flow":"'
        + FLOW.encode()
        + b'","born":1790000000.0,"seed":"00","route":"r","pipeline":"p","snapshot":"d","options":{"a":{}}}',
        b'{"k":"client.request","t":1,"method":"POST","path":"/v1/x","headers":[["a","b"]],"text":"{}"}',
        b'{"k":"document","t":2,"boundary":"d","doc":{"model":"m","messages":[{"role":"user","parts":[{"type":"text","text":"x"}]}]}}',
        b'{"k":"document","t":3,"boundary":"e"}',
        b'{"k":"document","t":3,"boundary":"f","doc":{"model":"m","messages":[{"role":"system","parts":[]},[0,1]]}}',
        b'{"k":"recalled","t":3,"response":"r","document":{},"items":[]}',
        b'{"k":"up.request","t":4,"x":1,"method":"POST","url":"https://chat.qwen.ai/api","before":"/w==","text":"y"}',
        b'{"k":"up.head","t":5,"x":1,"status":200,"headers":[["content-type","text/event-stream"]]}',
        b'{"k":"up.data","t":6,"x":1,"text":"data: {}\\n"}',
        b'{"k":"events","t":7,"boundary":"qwen","n":1,"events":[{"t":"opened","response":"r","model":"m"},{"t":"text","text":"a"}]}',
        b'{"k":"events","t":8,"boundary":"limit","n":1}',
        b'{"k":"client.start","t":9,"status":200}',
        b'{"k":"client.bytes","t":10,"text":"data: x\\n\\n"}',
        b'{"k":"events","t":11,"boundary":"qwen","n":2,"events":[{"t":"finish","reason":"stop"}]}',
        b'{"k":"up.end","t":12,"x":1,"how":"broken","kind":"timeout"}',
        b'{"k":"error","t":13,"kind":"timeout","message":"m","detail":{"a":1}}',
        b'{"k":"truncated","t":14,"budget":5}',
        b'{"k":"end","t":15,"outcome":"failed","reached":"limit"}',
    )
    yield b"\n".join(lines) + b"\n"


def _bundle_seeds() -> Iterator[bytes]:
    *_, lines = recording_seeds()
    about = {
        "format": 1,
        "flow": FLOW,
        "recordedBy": "0.1",
        "snapshot": "d",
        "sameConfiguration": True,
        "versions": {"luna": "0.1", "python": "3.11", "system": "s", "architecture": "a", "packages": {}, "stages": []},
    }
    files = {
        "bundle.json": msgspec.json.encode(about).decode(),
        "recording.jsonl": lines.decode(),
        "run.json": msgspec.json.encode({"id": FLOW, "created_at": 5.0, "recording": FLOW}).decode(),
        "log.json": '[{"id":1,"at":5.0,"level":"info","logger":"l","message":"m"}]',
        "settings.json": "{}",
        "config/routes.yaml": "routes: []",
        "config/pipelines/chat.yaml": "stages: []",
    }
    yield msgspec.json.encode(files)
    yield _packed(
        msgspec.json.encode({"bundle.json": files["bundle.json"], "recording.jsonl": files["recording.jsonl"]})
    )
    yield _packed(msgspec.json.encode({"../x": "y"}))


_KINDS = tuple(
    f'"k":"{kind}"'.encode()
    for kind in ("head", "document", "events", "up.request", "up.data", "up.end", "end", "truncated")
)
WORDS = (
    *_KINDS,
    b'"v":2',
    b'"v":0',
    b'"n":3',
    b'"n":99999999',
    b'"x":2',
    b'"before":"/w=="',
    b'"reached":"qwen"',
    b'{"t":"text","text":"b"}',
)
"""Parts of them."""

TARGETS = {
    "recordings": Target("recordings", recordings, recording_seeds, WORDS, slow=3.0),
    "bundles": Target(
        "bundles",
        bundles,
        _bundle_seeds,
        (*WORDS, b"config/pipelines/", b"../", b"/etc/passwd", b"PK\x01\x02", b"PK\x05\x06"),
    ),
}
