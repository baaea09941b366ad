"""No setting does nothing: for each there is a test that shows its effect."""

from tests.unit.config.preference_effects import WAYS, exists, misleading, unproven


def test_every_setting_has_a_test_that_shows_its_effect() -> None:
    assert unproven() == []


def test_every_entry_leads_to_such_a_test() -> None:
    assert misleading() == []


def test_only_tests_that_are_there_count() -> None:
    assert exists(f"{WAYS}::TestWithIsolation::test_a_verified_way_is_open")
    assert exists(f"{WAYS}::test_accounts_are_spread_over_the_workers[x]")
    for nowhere in (
        WAYS,
        f"{WAYS}::test_a_verified_way_is_open",
        f"{WAYS}::TestWithIsolation",
        f"{WAYS}::Setup::take",
        "tests/unit/state/test_nothing.py::test_accounts_are_spread_over_the_workers",
    ):
        assert not exists(nowhere)
