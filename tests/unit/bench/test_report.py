"""The table and the document say what the figures say, and why a target is missed stays where it was written."""

from tests.bench.field.figures import FLOOR, LUNA, RECORDED
from tests.bench.field.report import UNSAID, about, document, reasons
from tests.bench.field.rows import ROWS
from tests.bench.field.table import missed, notes, number, recording_table, table
from tests.bench.field.works import FULL, QUICK
from tests.unit.bench.test_figures import figures

MADE = figures(
    json_cpu={FLOOR: [0.2], LUNA: [1.0], RECORDED: [1.5], "slow": [2.0], "slower": [8.0]},
    rate_16={LUNA: [900.0], "slow": [300.0], "slower": [100.0]},
)
MADE.absent["direct"] = "it fell asleep"
MADE.failures["16 clients", "slower"] = "3 of 4 answers failed"


def test_numbers_have_the_digits_that_mean_something() -> None:
    assert [number(n) for n in (None, 0.0, 0.123, 1.234, 12.34, 123.4, 68340.2, -0.05)] == [
        "–",
        "0.00",
        "0.12",
        "1.23",
        "12.3",
        "123",
        "68,340",
        "-0.050",
    ]


def test_a_row_has_every_server_the_ratios_the_target_and_the_verdict() -> None:
    head, rule, json, rate = table(MADE).splitlines()
    assert head.count("|") == rule.count("|") == json.count("|") == rate.count("|")
    assert json == (
        "| short JSON answer, CPU, ms | 0.20 | 1.00 | 1.50 | 2.00 | 8.00 | 5.00x | 2.00x (slow)"
        " | ≤ 4x the floor, ahead of every peer | **missed** |"
    )
    assert rate == "| requests, 16 clients, /s | – | 900 | – | 300 | 100 | – | 3.00x (slow) | 2x the best peer | met |"


def test_a_peer_that_does_better_is_named() -> None:
    behind = figures(json_cpu={LUNA: [3.0], "slow": [2.0]})
    assert "**missed**, **behind slow**" in table(behind)
    assert "0.67x (slow)" in table(behind)


def test_recording_has_a_table_of_its_own() -> None:
    assert recording_table(MADE).splitlines()[2:] == [
        "| short JSON answer, CPU, ms | 1.00 | 1.50 | +50% | **missed** |"
    ]
    assert recording_table(figures(json_cpu={LUNA: [1.0]})) == ""


def test_what_is_not_in_the_table_is_told() -> None:
    assert notes(MADE) == ["direct: not measured: it fell asleep.", "slower: 16 clients: 3 of 4 answers failed."]


def test_what_was_missed_has_its_figures() -> None:
    assert missed(MADE) == {
        "json-cpu": "short JSON answer, CPU: 1.00 ms, 5.00x the floor, 2.00x (slow) against the best peer;"
        " the target is ≤ 4x the floor, ahead of every peer",
        "json-cpu-recording": "short JSON answer, CPU, recorded: +50%; the target is at most 25% more",
    }


def test_the_document_has_every_section_and_the_reasons() -> None:
    written = document(MADE, "Measured once.", {"json-cpu": "Because.", "rate-16": "Not missed, so not said."})
    assert "<!--" not in written
    for part in (table(MADE), recording_table(MADE), "Measured once.", "- direct: not measured: it fell asleep."):
        assert part in written
    assert "ahead of every peer.** Because." in written
    assert f"25% more.** {UNSAID}" in written
    assert "Not missed" not in written


def test_no_address_and_no_path_gets_into_the_document() -> None:
    made = figures(json_cpu={LUNA: [1.0]})
    made.absent["slow"] = "pip: no answer from https://registry.example/simple, see /home/me/.cache/log for requests/s"
    written = document(made, "", {})
    assert "- slow: not measured: pip: no answer from … see … for requests/s." in written


def test_a_run_without_faults_says_so() -> None:
    fine = document(figures(json_cpu={FLOOR: [1.0], LUNA: [1.0], "slow": [2.0]}), "", {})
    assert "was not measured\n\nIn none." in fine
    assert "and why\n\nNone." in fine
    assert "same run:\n\nNot measured." in fine


def test_the_committed_reasons_are_of_rows_that_there_are() -> None:
    keys = {row.key for row in ROWS}
    assert {key.removesuffix("-recording") for key in reasons()} <= keys


def test_the_facts_name_versions_and_no_place() -> None:
    said = about(FULL, 600, 0.25)
    assert "luna 0." in said and "granian 2" in said and "Python 3." in said
    assert "3 interleaved rounds; 10 min" in said and "load 0.2 " in said
    assert "/" not in said
    assert "One round" in about(QUICK, 60, 0)
