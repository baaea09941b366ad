"""What the load client prints is read, and answers that are not what they must be are errors."""

from itertools import pairwise
from pathlib import Path
from typing import cast

import msgspec
import pytest

from tests.bench.field.bodies import NUMBER, TOOLS, Bodies
from tests.bench.field.native import LoadError, read_answers
from tests.bench.field.servers import Launch, Running, Server
from tests.bench.field.works import MANY, Bench, Effort
from tests.bench.processes import Process

LINE = (
    b'{"answers":4,"failed":0,"wrong_status":0,"seconds":2.0,"deltas":80,"bytes":9,"first_p50":0.461,"first_p99":12.5,'
    b'"total_p50":0.465,"total_p99":12.584,"age_p50":0.215,"age_p99":11.5}\n'
)


def test_a_line_of_the_load_client_is_read() -> None:
    found = read_answers(LINE, deltas=20)
    assert (found.answers, found.first_p50, found.age_p99, found.per_second) == (4, 0.461, 11.5, 2.0)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (b'"failed":0', b'"failed":3', "3 of 4 answers failed"),
        (b'"wrong_status":0', b'"wrong_status":2', "2 of 4 answers failed"),
        (b'"answers":4', b'"answers":0', "no answer came"),
        (b'"deltas":80', b'"deltas":79', "79 deltas in 4 answers, not 20 in each"),
        (b"{", b"", "the load client said"),
    ],
)
def test_answers_that_are_not_what_they_must_be_are_errors(old: bytes, new: bytes, says: str) -> None:
    with pytest.raises(LoadError, match=says):
        read_answers(LINE.replace(old, new), deltas=20)


def test_deltas_of_an_answer_in_one_piece_are_not_counted() -> None:
    assert read_answers(LINE.replace(b'"deltas":80', b'"deltas":4')).answers == 4


@pytest.mark.parametrize("size", [100_000, 1_000_000, 5_000_000])
def test_large_bodies_have_the_size_that_they_are_called_by(tmp_path: Path, size: int) -> None:
    path = Bodies(tmp_path).tools(size)
    assert path.stat().st_size == pytest.approx(size, rel=0.06)
    document = msgspec.json.decode(path.read_bytes())
    assert len(document["tools"]) == TOOLS
    roles = [message["role"] for message in document["messages"]]
    assert roles[-1] == "user"
    assert all(one != other for one, other in pairwise(roles))
    assert NUMBER in document["messages"][0]["content"]


def test_every_body_tells_the_upstream_what_to_say(tmp_path: Path) -> None:
    bodies = Bodies(tmp_path)
    assert b"[[count:20]][[pace:50]]" in bodies.stream(20, pace=50).read_bytes()
    assert msgspec.json.decode(bodies.short().read_bytes())["stream"] is False


def test_a_server_that_is_very_slow_gets_fewer_deltas(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Bodies(tmp_path), Effort(1, 1.0, 1, 1), prices={"fast": 1e-6, "slow": 5e-4, "slower": 1.0})
    wanted = MANY * 2_000
    given = [bench.bearable(_named(name), wanted, 5) for name in ("fast", "slow", "slower")]
    assert given == [wanted, 10_000, 1_000]


def _named(name: str) -> Running:
    return Running(Server(name, "peer", "", lambda place: Launch((), ())), cast(Process, None))
