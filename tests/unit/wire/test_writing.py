"""What is written down again reads as what it was."""

import pytest

from luna.replay.rerun import replay
from luna.wire.diff import differences
from luna.wire.reader import read
from luna.wire.writing import lines_of
from tests.support.configurations import shipped_snapshot
from tests.support.scenarios import byte_by_byte, completions, scenario, transcript


@pytest.mark.parametrize("name", completions())
async def test_a_recording_comes_back(name: str) -> None:
    found = transcript(name)
    recording = (await replay(scenario(found, stream=True, chunks=byte_by_byte(found.body)), shipped_snapshot())).after
    again = read(lines_of(recording))
    assert differences(recording, again) == []
    assert again.events == recording.events
    assert [chunk.data for chunk in again.sent] == [chunk.data for chunk in recording.sent]
    assert [len(exchange.chunks) for exchange in again.exchanges] == [len(e.chunks) for e in recording.exchanges]
    assert again.end == recording.end
    assert lines_of(again) == lines_of(recording)
