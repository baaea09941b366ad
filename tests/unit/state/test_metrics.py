"""Figures: that they add up, that they are spelled as Prometheus reads them, and that they stay few."""

import math
import timeit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna import __version__
from luna.model.events import Usage
from luna.state.instruments import OTHER, SERIES, Counter, Histogram, Observed, Registry
from luna.state.metrics import Metrics
from tests.support.prometheus import FamilyRead, parse

NAMES = st.text(max_size=12)


def read(*families: Counter | Histogram | Observed) -> dict[str, FamilyRead]:
    registry = Registry()
    for family in families:
        registry.add(family)
    return parse(registry.render())


def test_a_counter_counts_by_its_labels() -> None:
    counter = Counter("c_total", "Things.", ("kind",))
    counter.add("a")
    counter.add("a", by=2.5)
    counter.add("b")
    family = read(counter)["c_total"]
    assert (family.type, family.help) == ("counter", "Things.")
    assert (family.value(kind="a"), family.value(kind="b")) == (3.5, 1)
    assert (counter.value("a"), counter.value("nothing")) == (3.5, 0)


def test_a_counter_without_labels_is_there_from_the_start() -> None:
    assert read(Counter("c_total", "Things."))["c_total"].value() == 0


@given(st.lists(st.tuples(NAMES, NAMES), max_size=20))
@settings(max_examples=60)
def test_label_values_come_back_as_they_were_whatever_stands_in_them(values: list[tuple[str, str]]) -> None:
    counter = Counter("c_total", 'About "c" \\ and\nmore.', ("one", "two"))
    for pair in values:
        counter.add(*pair)
    family = read(counter)["c_total"]
    assert family.help == 'About "c" \\\\ and\\nmore.'
    for one, two in set(values):
        assert family.value(one=one, two=two) == values.count((one, two))
    assert len(family.samples) == len(set(values))


@given(st.lists(st.floats(0, 2000), max_size=30))
@settings(max_examples=60)
def test_a_histogram_has_every_value_once_in_each_bucket_that_holds_it(values: list[float]) -> None:
    histogram = Histogram("h_seconds", "Times.", ("route",))
    for value in values:
        histogram.observe(value, "chat")
    family = read(histogram)["h_seconds"]
    if not values:
        assert not family.samples
        return
    for bound in (0.005, 0.1, 1.0, 640.0):
        assert family.value("_bucket", route="chat", le=f"{bound:g}") == sum(value <= bound for value in values)
    assert family.value("_count", route="chat") == len(values) == histogram.count("chat")
    assert math.isclose(family.value("_sum", route="chat"), sum(values), rel_tol=1e-9, abs_tol=1e-9)


def test_without_bounds_it_is_a_summary() -> None:
    summary = Histogram("s_seconds", "Times.", ("stage",), bounds=())
    summary.observe(0.25, "auth")
    summary.observe(0.5, "auth")
    family = read(summary)["s_seconds"]
    assert (family.type, family.value("_sum", stage="auth"), family.value("_count", stage="auth")) == (
        "summary", 0.75, 2,
    )  # fmt: skip


def test_a_family_does_not_grow_beyond_its_bound() -> None:
    counter, histogram = Counter("c_total", "C.", ("m", "d")), Histogram("h", "H.", ("m",))
    for number in range(SERIES * 3):
        counter.add(f"model-{number}", "in")
        histogram.observe(1.0, f"model-{number}")
    families = read(counter, histogram)
    assert len(families["c_total"].samples) == SERIES + 1
    assert families["c_total"].value(m=OTHER, d=OTHER) == SERIES * 2
    assert families["h"].value("_count", m=OTHER) == SERIES * 2
    counter.add("model-0", "in")
    assert counter.value("model-0", "in") == 2, "those that are known go on by themselves"


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        (1.5, 1.5),
        (1e300, 1e300),
        (float("inf"), math.inf),
        (12345678901234567890.0, 12345678901234567890.0),
        (0.1, 0.1),
    ],
)
def test_numbers(reading: float, expected: float) -> None:
    assert read(Observed("g", "G.", lambda: reading))["g"].value() == expected


def test_what_nobody_knows_is_not_said() -> None:
    assert read(Observed("g", "G.", lambda: None)) == {}
    assert math.isnan(read(Observed("g", "G.", lambda: float("nan")))["g"].value())


def test_what_an_ended_flow_adds() -> None:
    metrics = Metrics(started=1_790_000_000.0)
    metrics.flow_ended(
        route="chat",
        protocol="openai-chat",
        outcome="completed",
        seconds=2.0,
        first_event=0.3,
        events=12,
        received=100,
        sent=2000,
        stages=[("auth", 0.001), ("protocol.decode", 0.002)],
    )
    metrics.flow_ended(
        route="chat", protocol="openai-chat", outcome="failed", seconds=0.1, error="rate-limited",
        stages=[("auth", 0.001)],
    )  # fmt: skip
    metrics.run_ended(model="qwen3-max", usage=Usage(10, 20, 5), queue_seconds=1.5, attempts=3, reasks=1)
    metrics.run_ended(model="", usage=Usage(1, 0), queue_seconds=0.0)
    metrics.run_ended(model="qwen3-max", usage=None, queue_seconds=0.0)
    metrics.uploads.add("completed")
    metrics.uploaded.add(by=4096)
    said = parse(metrics.registry.render())
    chat = {"route": "chat", "protocol": "openai-chat"}
    assert said["luna_flows_total"].value(outcome="completed", **chat) == 1
    assert said["luna_flows_total"].value(outcome="failed", **chat) == 1
    assert said["luna_errors_total"].value(kind="rate-limited") == 1
    assert said["luna_flow_seconds"].value("_count", route="chat") == 2
    assert said["luna_first_event_seconds"].value("_count", route="chat") == 1
    assert said["luna_stage_seconds"].value("_sum", stage="auth") == 0.002
    assert said["luna_stage_seconds"].value("_count", stage="protocol.decode") == 1
    assert said["luna_events_total"].value() == 12
    assert said["luna_client_bytes_total"].value(direction="in") == 100
    assert said["luna_client_bytes_total"].value(direction="out") == 2000
    assert said["luna_queue_seconds"].value("_sum") == 1.5
    assert said["luna_tokens_total"].value(model="qwen3-max", direction="out") == 20
    assert said["luna_tokens_total"].value(model="qwen3-max", direction="thinking") == 5
    assert said["luna_tokens_total"].value(model="none", direction="in") == 1
    assert (said["luna_retries_total"].value(), said["luna_reasks_total"].value()) == (2, 1)
    assert said["luna_uploads_total"].value(outcome="completed") == 1
    assert said["luna_upload_bytes_total"].value() == 4096


def test_what_is_said_of_the_process() -> None:
    said = parse(Metrics(started=1_790_000_000.0).registry.render())
    assert [*said["luna_info"].samples.values()] == [1] and __version__ in str(said["luna_info"].samples)
    assert said["process_start_time_seconds"].value() == 1_790_000_000
    assert said["process_cpu_seconds_total"].type == "counter"
    assert said["process_cpu_seconds_total"].value() > 0
    assert 10_000_000 < said["process_resident_memory_bytes"].value() < 20_000_000_000
    assert said["process_open_fds"].value() > 3


def test_counting_is_cheap() -> None:
    metrics = Metrics(started=0.0)
    stages = [(f"stage-{number}", 1e-5) for number in range(10)]

    def count() -> None:
        metrics.flow_ended(
            route="chat", protocol="openai-chat", outcome="completed", seconds=1.0, first_event=0.1, stages=stages
        )

    fastest = min(timeit.repeat(count, number=200, repeat=5)) / 200
    assert fastest < 50e-6, "a microsecond for a stage, with plenty of room for a busy machine"
