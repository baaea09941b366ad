"""By which way an account may leave: the whole table of it, and that every doubt closes the way."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna.model.ambient import ManualClock
from luna.model.errors import Kind, LunaError
from luna.model.preferences import EgressIsolation, LivePreferences, Preferences
from luna.state.network import DIRECT, Network, NetworkProfile, Verified, Worker
from luna.state.ways import Way, Ways

HERE, THERE = "198.51.100.1", "203.0.113.9"


class Setup:
    """Ways over records that are put in directly."""

    def __init__(self, directory: Path, **rules: Any) -> None:
        self.clock = ManualClock()
        self.network = Network(directory / "network.json")
        self.live = LivePreferences()
        self.rules(**rules)
        self.ways = Ways(self.network, self.live, self.clock)

    def rules(self, **rules: Any) -> None:
        self.live.replace(Preferences(egress_isolation=EgressIsolation(**rules)))

    def seen(self, ip: str = THERE, ago: float = 0.0) -> Verified:
        at = self.clock.wall() - ago
        return Verified(at, "", ip, at)

    def direct(self, **fields: Any) -> None:
        self.network._profiles[DIRECT] = NetworkProfile(DIRECT, **fields)

    def profile(self, id: str, mode: Any = "http-proxy", **fields: Any) -> None:
        self.network._profiles[id] = NetworkProfile(id, mode=mode, proxy_url="http://h:1", **fields)

    def worker(self, id: str, **fields: Any) -> None:
        self.network._workers[id] = Worker(id, "https://w.example", **fields)

    def take(self, account: str = "a", profile: str = "") -> Way:
        return self.ways.take(account, profile)

    def why_not(self, account: str = "a", profile: str = "") -> str:
        with pytest.raises(LunaError) as closed:
            self.ways.take(account, profile)
        assert closed.value.kind is Kind.EGRESS_CLOSED
        assert closed.value.detail == {"account": account}
        return closed.value.message


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    return Setup(tmp_path)


@pytest.fixture
def strict(tmp_path: Path) -> Setup:
    """Isolated, with the direct way's address known."""
    made = Setup(tmp_path, enabled=True)
    made.direct(verified=made.seen(HERE))
    return made


class TestWithoutIsolation:
    def test_everybody_goes_straight_out(self, setup: Setup) -> None:
        setup.profile("p")
        setup.worker("w")
        assert setup.take() == setup.take("a", DIRECT) == Way()

    def test_a_profile_that_somebody_gave_to_the_account_counts(self, setup: Setup) -> None:
        setup.profile("p", verified=setup.seen())
        setup.profile("q", "socks5")
        setup.profile("m", "worker-managed")
        setup.profile("d", "direct")
        setup.worker("w", verified=setup.seen())
        assert setup.take(profile="p") == Way("p", "", THERE)
        assert setup.take(profile="q") == Way("q")
        assert setup.take(profile="m") == Way("m", "w", THERE)
        assert setup.take(profile="d") == Way()

    def test_and_fails_closed(self, setup: Setup) -> None:
        setup.profile("off", enabled=False)
        setup.profile("m", "worker-managed")
        setup.worker("w", enabled=False)
        assert "'gone' does not exist" in setup.why_not(profile="gone")
        assert "'off' is disabled" in setup.why_not(profile="off")
        assert "no enabled worker" in setup.why_not(profile="m")

    def test_the_direct_way_can_be_closed(self, setup: Setup) -> None:
        setup.direct(enabled=False)
        assert "the direct one is disabled" in setup.why_not()
        assert "'direct' is disabled" in setup.why_not(profile=DIRECT)


class TestWithIsolation:
    def test_without_a_way_of_its_own_nothing_leaves(self, strict: Setup) -> None:
        strict.profile("p", verified=strict.seen())
        assert "no enabled worker" in strict.why_not()
        assert "is the direct way" in strict.why_not(profile=DIRECT)
        assert "does not exist" in strict.why_not(profile="gone")

    def test_a_verified_way_is_open(self, strict: Setup) -> None:
        strict.profile("p", verified=strict.seen())
        strict.worker("w", verified=strict.seen("203.0.113.7"))
        assert strict.take(profile="p") == Way("p", "", THERE)
        assert strict.take() == Way("", "w", "203.0.113.7")

    @pytest.mark.parametrize(
        ("verified", "why"),
        [
            (None, "has not been verified"),
            (Verified(1.0, "The address service did not answer."), "has not been verified (The address service"),
            ("old", "more than 60 minutes ago"),
            ("direct", "same address as the direct way"),
            ("other", "another address than the expected one"),
        ],
    )
    def test_every_doubt_closes_it(self, strict: Setup, verified: Any, why: str) -> None:
        found = {"old": strict.seen(ago=3601), "direct": strict.seen(HERE), "other": strict.seen()}.get(
            verified, verified
        )
        expected = "203.0.113.8" if verified == "other" else ""
        strict.profile("p", verified=found, expected_ip=expected)
        strict.worker("w", verified=found, expected_ip=expected)
        assert why in strict.why_not(profile="p")
        assert why in strict.why_not()

    def test_a_failed_check_does_not_undo_what_was_seen_before_its_time_is_over(self, strict: Setup) -> None:
        strict.profile("p", verified=strict.seen(ago=3000).failed(strict.clock.wall(), "It was too slow."))
        strict.direct(verified=strict.seen(HERE, ago=3000).failed(strict.clock.wall(), "It was too slow."))
        assert strict.take(profile="p").ip == THERE
        strict.clock.advance(601)
        assert "60 minutes ago (It was too slow.)" in strict.why_not(profile="p")

    def test_strictness_needs_the_direct_address_to_compare_with(self, strict: Setup) -> None:
        strict.profile("p", verified=strict.seen())
        strict.direct()
        assert "cannot be told from the direct way" in strict.why_not(profile="p")
        strict.direct(verified=strict.seen(HERE, ago=3601))
        assert "cannot be told from the direct way" in strict.why_not(profile="p")
        strict.direct(verified=Verified(strict.clock.wall(), "There is no way straight out."))
        assert strict.take(profile="p").ip == THERE, "asked for lately, and there is none"
        strict.direct(enabled=False)
        assert strict.take(profile="p").ip == THERE, "closed: it cannot be taken by mistake"

    def test_without_strictness_the_direct_address_does_not_matter(self, strict: Setup) -> None:
        strict.rules(enabled=True, strict=False)
        strict.profile("p", verified=strict.seen(HERE))
        strict.profile("d", "direct", verified=strict.seen(HERE))
        strict.direct(verified=strict.seen(HERE))
        assert strict.take(profile="p").profile == "p"
        assert strict.take(profile="d") == strict.take(profile=DIRECT) == Way("", "", HERE)

    def test_without_verification_only_what_is_known_to_be_wrong_is_refused(self, strict: Setup) -> None:
        strict.rules(enabled=True, verify_before_use=False)
        strict.profile("p")
        strict.profile("wrong", verified=strict.seen(), expected_ip="203.0.113.8")
        strict.profile("same", verified=strict.seen(HERE))
        strict.worker("w")
        assert strict.take(profile="p") == Way("p")
        assert strict.take() == Way("", "w")
        assert "another address" in strict.why_not(profile="wrong")
        assert "same address" in strict.why_not(profile="same")
        assert list(strict.ways.needed("a", "p")) == []

    def test_the_age_that_counts_is_the_settings(self, strict: Setup) -> None:
        strict.rules(enabled=True, verify_max_age_minutes=1.0)
        strict.profile("p", verified=strict.seen(ago=59))
        assert strict.take(profile="p").ip == THERE
        strict.clock.advance(2)
        assert "more than 1 minutes ago" in strict.why_not(profile="p")


class TestGoingOutDirectlyAfterAll:
    def test_only_when_exactly_that_is_allowed(self, strict: Setup, caplog: pytest.LogCaptureFixture) -> None:
        for rules in ({"strict": True, "fallback_to_direct": True}, {"strict": False}):
            strict.rules(enabled=True, **rules)
            strict.why_not()
            strict.why_not(profile="gone")
        strict.rules(enabled=True, strict=False, fallback_to_direct=True)
        assert caplog.records == []
        assert strict.take() == strict.take(profile="gone") == Way("", "", HERE)
        assert {record.levelname for record in caplog.records} == {"WARNING"}

    def test_it_is_logged_once_and_again_when_it_happens_again(
        self, strict: Setup, caplog: pytest.LogCaptureFixture
    ) -> None:
        strict.rules(enabled=True, strict=False, fallback_to_direct=True)
        for _ in range(3):
            strict.take()
            strict.take("b")
        assert len(caplog.records) == 2
        strict.worker("w", verified=strict.seen())
        strict.take()
        strict.worker("w", enabled=False)
        strict.take()
        assert len(caplog.records) == 3

    def test_not_when_the_direct_way_is_disabled(self, strict: Setup) -> None:
        strict.rules(enabled=True, strict=False, fallback_to_direct=True)
        strict.direct(enabled=False)
        assert "the direct one is disabled" in strict.why_not()


class TestWorkers:
    def test_one_for_the_account_is_taken_before_one_for_all(self, strict: Setup) -> None:
        strict.worker("all", verified=strict.seen())
        strict.worker("mine", account_id="a", verified=strict.seen())
        strict.worker("yours", account_id="b", verified=strict.seen())
        assert [strict.take(account).worker for account in "abc"] == ["mine", "yours", "all"]
        strict.worker("mine", account_id="a")
        assert strict.take("a").worker == "all"

    def test_a_profile_narrows_the_choice(self, strict: Setup) -> None:
        strict.profile("m", "worker-managed")
        strict.profile("n", "worker-managed")
        strict.worker("of-m", network_profile_id="m", verified=strict.seen())
        assert strict.take(profile="m") == Way("m", "of-m", THERE)
        assert "no enabled worker" in strict.why_not(profile="n")
        strict.worker("any", verified=strict.seen())
        assert strict.take(profile="n").worker == "any"

    def test_the_reason_is_that_of_the_worker_it_would_have_taken(self, strict: Setup) -> None:
        strict.worker("mine", account_id="a", verified=strict.seen(ago=9999))
        strict.worker("all")
        assert "worker 'mine' was verified more than 60 minutes ago" in strict.why_not("a")

    def test_one_that_answered_is_taken_before_one_that_did_not(self, strict: Setup) -> None:
        for id in "xyz":
            strict.worker(id, verified=strict.seen())
        first = strict.take().worker
        strict.worker(first, verified=strict.seen().failed(strict.clock.wall(), "no"))
        second = strict.take().worker
        assert second != first
        for id in "xyz":
            strict.worker(id, verified=strict.seen().failed(strict.clock.wall(), "no"))
        assert strict.take().worker == first, "what was seen still counts"


@given(
    st.sets(st.text("abcdefgh", min_size=1, max_size=3), min_size=1, max_size=6), st.text("abc", min_size=1), st.data()
)
def test_an_account_keeps_its_worker_when_others_come_and_go(
    tmp_path_factory: pytest.TempPathFactory, workers: set[str], account: str, data: st.DataObject
) -> None:
    setup = Setup(tmp_path_factory.getbasetemp() / "nowhere", enabled=True)
    setup.direct(verified=setup.seen(HERE))
    for id in workers:
        setup.worker(id, verified=setup.seen())
    taken = setup.take(account).worker
    gone = data.draw(st.sets(st.sampled_from(sorted(workers))))
    for id in gone - {taken}:
        del setup.network._workers[id]
    assert setup.take(account).worker == taken
    others = set(setup.network._workers) - {taken}
    del setup.network._workers[taken]
    assert setup.take(account).worker in others if others else setup.why_not(account)


def test_accounts_are_spread_over_the_workers(strict: Setup) -> None:
    for id in "wxyz":
        strict.worker(id, verified=strict.seen())
    taken = [strict.take(f"account-{number}").worker for number in range(200)]
    assert all(30 <= taken.count(id) <= 70 for id in "wxyz")


def test_what_is_needed_is_what_could_be_taken(strict: Setup) -> None:
    strict.profile("p")
    strict.profile("off", enabled=False)
    strict.profile("m", "worker-managed")
    strict.worker("w")
    strict.worker("yours", account_id="b")
    strict.worker("off", enabled=False)

    def needed(account: str, profile: str) -> list[str]:
        return [one.id for one in strict.ways.needed(account, profile)]

    assert needed("a", "p") == ["p", DIRECT]
    assert needed("a", "") == ["w", DIRECT]
    assert needed("b", "m") == ["w", "yours", DIRECT]
    assert needed("a", "off") == needed("a", "gone") == []
    strict.rules(enabled=True, strict=False)
    assert needed("a", "p") == ["p"]
    strict.rules(enabled=False)
    assert needed("a", "p") == []


OLD = st.sampled_from([None, "fresh", "old", "failed", "same", "wrong"])


@given(
    st.booleans(), st.booleans(), st.booleans(), st.sampled_from(["", "p", "m", "d", "gone"]), st.booleans(), OLD, OLD
)
def test_in_strict_isolation_nothing_ever_leaves_but_by_a_way_that_is_known_to_be_another(
    tmp_path_factory: pytest.TempPathFactory,
    fallback: bool,
    verify: bool,
    direct_known: bool,
    profile: str,
    enabled: bool,
    of_profile: str | None,
    of_worker: str | None,
) -> None:
    setup = Setup(
        tmp_path_factory.getbasetemp() / "nowhere",
        enabled=True, strict=True, fallback_to_direct=fallback, verify_before_use=verify,
    )  # fmt: skip
    found = {
        "fresh": setup.seen(),
        "old": setup.seen(ago=4000),
        "failed": Verified(setup.clock.wall(), "no"),
        "same": setup.seen(HERE),
        "wrong": setup.seen("203.0.113.1"),
        None: None,
    }
    setup.direct(verified=setup.seen(HERE) if direct_known else None)
    setup.profile("p", enabled=enabled, verified=found[of_profile], expected_ip=THERE)
    setup.profile("m", "worker-managed", enabled=enabled)
    setup.profile("d", "direct", enabled=enabled, verified=found[of_profile])
    setup.worker("w", enabled=enabled, verified=found[of_worker], expected_ip=THERE)
    try:
        way = setup.take("a", profile)
    except LunaError as closed:
        assert closed.kind is Kind.EGRESS_CLOSED
        return
    state = of_worker if way.worker else of_profile
    assert way.worker or way.profile == "p", "never straight out"
    assert enabled or not way.profile
    assert state != "wrong"
    assert state != "same" or not direct_known
    if verify:
        assert (state, direct_known, way.ip) == ("fresh", True, THERE)


def test_records_say_nothing_of_secrets(setup: Setup) -> None:
    setup.profile("p")
    assert "h:1" not in f"{setup.network.profile('p')!r} {setup.ways!r}"
    assert msgspec.structs.asdict(setup.network.profile("p"))["proxy_url"] == "http://h:1"
