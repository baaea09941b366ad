"""What is remembered of responses, and what is forgotten to make room."""

from luna.state.responses import Remembered, Responses


def of_size(size: int) -> Remembered:
    return Remembered(b"d" * (size // 2), b"i" * (size - size // 2))


def test_a_response_is_found_until_it_is_forgotten() -> None:
    responses = Responses()
    responses.remember("resp_1", of_size(10))
    assert responses.find("resp_1") == of_size(10)
    assert responses.find("resp_2") is None
    assert responses.forget("resp_1")
    assert not responses.forget("resp_1")
    assert responses.find("resp_1") is None


def test_the_longest_unused_goes_first() -> None:
    responses = Responses(max_count=2)
    responses.remember("resp_1", of_size(1))
    responses.remember("resp_2", of_size(1))
    assert responses.find("resp_1")
    responses.remember("resp_3", of_size(1))
    assert [name for name in ("resp_1", "resp_2", "resp_3") if responses.find(name)] == ["resp_1", "resp_3"]


def test_bytes_are_bounded_too() -> None:
    responses = Responses(max_bytes=100)
    for number in range(5):
        responses.remember(f"resp_{number}", of_size(40))
    assert [number for number in range(5) if responses.find(f"resp_{number}")] == [3, 4]
    assert repr(responses) == "<Responses 2 kept, 80 bytes>"


def test_one_that_is_too_large_costs_no_other() -> None:
    responses = Responses(max_bytes=100)
    responses.remember("resp_1", of_size(40))
    responses.remember("resp_2", of_size(101))
    assert responses.find("resp_1")
    assert responses.find("resp_2") is None


def test_what_is_remembered_anew_counts_once() -> None:
    responses = Responses(max_bytes=100)
    for _ in range(3):
        responses.remember("resp_1", of_size(60))
    assert repr(responses) == "<Responses 1 kept, 60 bytes>"
    assert repr(responses.find("resp_1")) == "<Remembered 60 bytes>"
