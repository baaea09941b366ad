"""A recording without whom it was about: names and ids become others, everywhere the same."""

from dataclasses import replace

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from luna.model.ambient import Ids
from luna.model.dialect import ClientRequest
from luna.replay.anonymous import Anonymity, anonymous
from luna.wire.reader import Chunk, Recording
from tests.support.scenarios import scenario, transcript

MAIL, HOME, CHAT = "alice.smith+x@corp.example", "/home/alicesmith/project", "1f0e2d3c-4b5a-4978-8695-a4b3c2d1e0f9"


def recording(text: str, *, headers: tuple[tuple[str, str], ...] = ()) -> Recording:
    made = scenario(transcript("01_plain_answer_fast"), stream=True)
    assert made.client is not None
    body = msgspec.json.encode({"messages": [{"role": "user", "content": text}]})
    asked = ClientRequest("POST", f"/v1/x/{CHAT}", f"user={MAIL}", (*made.client.headers, *headers), body)
    return replace(made, client=asked)


def asked(made: Recording) -> str:
    assert made.client is not None
    text: str = msgspec.json.decode(made.client.body)["messages"][0]["content"]
    return text


def test_names_become_others_the_same_ones_the_same() -> None:
    text = f"{MAIL} wrote {HOME}/a.py; ask {MAIL} or bob.jones@corp.example; alicesmith knows C:\\Users\\carolyn\\x"
    said = asked(anonymous(recording(text)))
    assert said == (
        "person1@example.com wrote /home/user1/project/a.py; ask person1@example.com or person2@example.com;"
        " user1 knows C:\\Users\\user2\\x"
    )


def test_ids_of_chats_and_accounts_become_others_wherever_they_stand() -> None:
    made = anonymous(recording(f'chat {CHAT}, user u-998877, {{"user_id": "u-998877"}}'))
    assert made.client is not None
    other = "00000000-0000-4000-8000-000000000001"
    assert made.client.path.endswith(other)
    assert other in asked(made)
    assert "998877" not in asked(made)


def test_ids_that_luna_draws_stay() -> None:
    flow = recording("")
    own = Ids(bytes.fromhex(flow.head.seed)).uuid()
    assert asked(anonymous(recording(own))) == own


def test_words_that_mean_something_else_stay() -> None:
    text = "role user in /home/user/x and /Users/test/y; see docs@example.com"
    assert asked(anonymous(recording(text))) == text


def test_known_secrets_go_too() -> None:
    assert "hunter2-hunter2" not in asked(anonymous(recording("it is hunter2-hunter2"), ["hunter2-hunter2"]))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 120), max_size=6))
def test_how_a_stream_was_cut_does_not_matter(cuts: list[int]) -> None:
    data = f'data: {{"a": "{MAIL} in {HOME} of {CHAT}"}}\n\ndata: {{"b": "{CHAT} alicesmith"}}\n\n'.encode()
    who = Anonymity(recording(f"{HOME} {MAIL}"))
    ends = sorted({min(cut, len(data)) for cut in cuts} | {len(data)})
    chunks = [Chunk(at, data[start:end]) for at, (start, end) in enumerate(zip([0, *ends], ends, strict=False))]
    made = who.chunks(chunks)
    assert b"".join(chunk.data for chunk in made) == who.data(data, fields=False)
    assert [chunk.t for chunk in made] == [chunk.t for chunk in chunks]
    assert not any(word.encode() in b"".join(c.data for c in made) for word in (MAIL, "alicesmith", CHAT))


@settings(max_examples=20, deadline=None)
@given(st.text(max_size=80))
def test_twice_is_once(text: str) -> None:
    once = asked(anonymous(recording(f"{text} {MAIL} {CHAT} {HOME}")))
    assert asked(anonymous(recording(once))) == once


def test_paths_and_names_of_this_machine_go_where_they_are_said() -> None:
    who = Anonymity(recording(""), places=["/srv/luna/data"], names=["buildbox7"])
    assert who.data(b"/srv/luna/data/x on buildbox7") == b"/place1/x on name1"
