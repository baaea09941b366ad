"""Replays are kept in memory, and the oldest go first."""

from luna.replay import kept
from luna.replay.kept import KeptReplays
from luna.wire.frames import VERSION, Head
from luna.wire.reader import Recording

HEAD = Head(0, VERSION, "0", "flow_1", 1.0, "00", "chat", "chat", "0")


def test_the_latest_are_found_by_their_ids() -> None:
    replays = KeptReplays()
    made = [Recording(HEAD) for _ in range(kept.MOST + 1)]
    ids = [replays.keep(recording, 10) for recording in made]
    assert all(id.startswith(kept.PREFIX) for id in ids)
    assert replays.find(ids[0]) is None
    assert [replays.find(id) for id in ids[1:]] == made[1:]
    assert replays.find("flow_1") is None


def test_they_have_no_more_room_than_they_may_but_the_newest_stays() -> None:
    replays = KeptReplays()
    first = replays.keep(Recording(HEAD), kept.ROOM // 2)
    second = replays.keep(Recording(HEAD), kept.ROOM // 2)
    assert replays.find(first) is not None
    third = replays.keep(Recording(HEAD), 2 * kept.ROOM)
    assert replays.find(first) is None
    assert replays.find(second) is None
    assert replays.find(third) is not None
