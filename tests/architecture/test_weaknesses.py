"""What was wrong with LunaProxy's admin side, number by number, and the tests which show that luna does better.

The numbers are those of the list of weaknesses that the admin API was built against. Every test that is named here must
be there; that it passes is its own business.
"""

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

STRANGERS = "faults/test_strangers.py"
CANARIES = "faults/test_canaries.py::test_no_secret_gets_into_any_sink"
ROUTES = "unit/server/test_every_route.py"
BOOKS = "unit/server/test_bookkeeping.py"
PRIVATE = "unit/disk/test_private.py"
WINDOW = "browser/test_login_window.py"
FLOWS = "browser/test_flows.py"
FRAME = "browser/test_frame.py::test_no_page_has_a_barrier_or_a_problem"

WEAKNESSES: dict[int, tuple[str, ...]] = {
    # Any web page reads every secret.
    1: (f"{STRANGERS}::test_a_stranger_gets_nothing_and_changes_nothing", CANARIES),
    # Forms of other sites change things.
    2: (
        f"{STRANGERS}::test_a_form_changes_nothing",
        f"{STRANGERS}::test_another_web_page_changes_nothing_although_its_reader_is_signed_in",
    ),
    # A link plants a credential.
    3: (f"{STRANGERS}::test_no_link_plants_anything",),
    # A query is written into a page.
    4: (
        f"{STRANGERS}::test_no_link_plants_anything",
        "unit/server/test_static_pages.py::test_the_page_may_load_nothing_from_elsewhere_and_run_nothing_inline",
    ),
    # Another host name is answered.
    5: (f"{STRANGERS}::test_by_another_name_nobody_is_answered",),
    # luna is sent to any address.
    6: (
        "unit/upstream/test_own_address.py::test_everything_else_is_a_failure_that_repeats_nothing",
        "unit/server/test_worker_targets.py::test_it_goes_nowhere_else",
        "unit/upstream/test_guard.py::test_a_hostile_address_is_never_asked",
    ),
    # Prompts are led elsewhere unseen.
    7: (
        "browser/test_network.py::test_a_worker_that_runs_is_good_and_the_banner_says_who_forwards",
        "browser/test_network.py::test_isolation_without_a_way_is_told_on_every_page",
        "unit/admin/test_audited.py::test_a_change_is_written_down_with_what_came_of_it",
    ),
    # A torn file costs the configuration.
    8: (
        f"{PRIVATE}::test_the_generation_before_takes_the_place_of_a_damaged_file",
        f"{PRIVATE}::test_a_full_disk_at_any_step_costs_nothing",
        f"{PRIVATE}::test_killed_while_writing",
        "faults/test_killed.py::test_killed_in_the_middle_of_fifty_streams",
    ),
    # The cost of a request grows with what is stored.
    9: ("unit/state/test_runs.py::test_beginning_and_ending_read_nothing_however_many_runs_there_are",),
    # A page fetches everything every two seconds.
    10: (
        "faults/test_event_stream.py::test_who_does_not_read_costs_little_and_not_for_long",
        f"{FLOWS}::test_a_first_flow_shows_up_by_itself_and_quickly",
    ),
    # Secrets lie open on the disk.
    11: (f"{PRIVATE}::test_only_the_owner_may_read", CANARIES),
    # Secrets on the console.
    12: (CANARIES, "unit/state/test_discretion.py::test_the_console_can_have_the_same"),
    # Recordings without bounds, with cookies in them.
    13: (
        CANARIES,
        "unit/wire/test_folder.py::test_the_oldest_go_when_they_are_too_large",
        "property/test_wire_redaction.py::test_a_planted_secret_never_appears",
    ),
    # Credentials of the environment do not work.
    14: (
        "cases/test_routing_to_accounts.py::test_r13_credentials_of_the_environment_are_one_account",
        "unit/state/test_accounts.py::test_the_environment_is_an_account",
    ),
    # Settings without an effect.
    15: ("unit/config/test_every_preference_has_an_effect.py::test_every_setting_has_a_test_that_shows_its_effect",),
    # Prompts that are set are lost, or not used.
    16: (
        "unit/config/test_overrides.py::test_it_lasts",
        "browser/test_pipelines.py::test_a_prompt_that_is_set_is_used_by_the_next_request",
    ),
    # Runs of a process that died go on for ever.
    17: ("unit/state/test_runs.py::test_what_was_going_on_when_the_process_ended_was_interrupted",),
    # Cancelling does not cancel.
    18: (
        f"{BOOKS}::test_a_streaming_run_is_cancelled_and_stays_cancelled",
        f"{BOOKS}::test_a_queued_run_is_cancelled_and_never_reaches_the_upstream",
        f"{BOOKS}::test_a_run_is_cancelled_before_its_first_byte",
    ),
    # A client that leaves is paid for to the end.
    19: (
        "faults/test_vanishing_client.py::test_a_client_that_vanishes_in_mid_stream_leaves_nothing",
        "stages/test_qwen.py::test_a_client_that_leaves_has_the_generation_stopped",
    ),
    # A chat that was cleaned up is spoken to.
    20: ("stages/test_session_recall.py::test_a_chat_that_luna_itself_deleted_stays_the_same_session",),
    # "ok" whatever happens.
    21: (
        "unit/admin/test_sessions.py::test_one_that_is_not_there",
        f"{ROUTES}::test_every_route_of_lunaproxy_answers_as_it_should",
    ),
    # A cleared session goes on in its chat.
    22: ("unit/admin/test_sessions.py::test_a_cleared_session_begins_anew",),
    # Cleaning up deletes nothing, or everything.
    23: ("unit/admin/test_chat_cleanup.py::test_what_luna_did_not_make_it_does_not_delete",),
    # Clearing the log deletes what others need.
    24: ("unit/admin/test_logs.py::test_clearing_clears_lines_alone",),
    # Nothing is checked.
    25: ("unit/admin/test_config.py::test_everything_that_is_wrong_is_said_and_nothing_is_done",),
    # What grows without end.
    26: (
        "unit/state/test_overflow_files.py::test_beyond_the_size_the_oldest_go",
        "unit/state/test_runs.py::test_old_runs_and_too_many_go_but_never_those_that_go_on",
        "unit/state/test_sessions.py::test_of_too_many_the_longest_unused_go",
    ),
    # Requests of one protocol are not seen.
    27: (f"{ROUTES}::test_requests_of_every_protocol_are_seen_alike",),
    # An isolation that does not isolate.
    28: (
        "faults/test_egress_isolation.py::test_everything_of_an_account_goes_by_its_own_way_and_nothing_by_another",
        "faults/test_egress_isolation.py::test_a_closed_way_lets_nothing_out",
        "unit/state/test_ways.py::test_in_strict_isolation_nothing_ever_leaves_but_by_a_way_that_is_known_to_be_another",
    ),
    # Logins by browser that anybody may open, without end.
    29: (
        f"{WINDOW}::test_only_one_window_is_open_and_cancelling_closes_it",
        f"{WINDOW}::test_a_page_of_another_origin_is_never_read",
        f"{WINDOW}::test_nobody_logs_in",
        "unit/admin/test_capture.py::test_root_gets_no_browser_without_a_sandbox",
    ),
    # Fifty rows, and no more.
    30: (f"{FLOWS}::test_ten_thousand_flows_are_scrolled_without_a_stutter",),
    # Buttons that do nothing.
    31: (f"{FLOWS}::test_the_detail_shows_every_face_of_a_flow",),
    # Rows that are worked out again and again.
    32: (
        f"{FLOWS}::test_ten_thousand_flows_are_scrolled_without_a_stutter",
        f"{FLOWS}::test_five_megabytes_open_at_once",
    ),
    # Exposed in silence.
    33: (
        "cli/test_serve.py::test_beyond_loopback_a_proxy_key_is_needed",
        "cli/test_serve.py::test_a_port_in_use_is_named",
        "faults/test_http_edges.py::test_beyond_loopback_a_pipeline_that_asks_for_no_key_is_not_served",
    ),
    # "valid" that is not.
    34: (
        "faults/test_http_edges.py::test_validation_says_what_qwen_says",
        "unit/state/test_accounts.py::test_the_end_of_a_login_is_told",
    ),
    # One key, compared letter by letter, in other places on every route.
    35: (
        "unit/state/test_keys.py::test_every_key_is_compared_in_constant_time",
        "unit/state/test_keys.py::test_the_key_is_in_no_file_and_no_log",
        "stages/test_auth.py::test_a_key_may_stand_in_three_places",
        f"{STRANGERS}::test_a_stranger_gets_nothing_and_changes_nothing",
    ),
    # Columns that nothing fills.
    36: (
        f"{ROUTES}::test_requests_of_every_protocol_are_seen_alike",
        f"{ROUTES}::test_a_run_says_by_which_address_it_left",
    ),
    # Ended without a word.
    37: ("cli/test_serve.py::test_a_running_answer_may_finish_after_the_signal",),
    # Every session is looked at for each request.
    38: ("unit/state/test_sessions.py::test_a_warm_conversation_never_reads",),
    # Fonts from elsewhere.
    39: ("unit/server/test_static_pages.py::test_the_page_may_load_nothing_from_elsewhere_and_run_nothing_inline",),
    # Several accounts only by hand, and none is ever left alone.
    40: (
        "browser/test_accounts.py::test_an_account_is_added_by_logging_in",
        "stages/test_two_accounts.py::test_the_other_takes_over_and_the_first_returns_after_the_hours_that_qwen_named",
    ),
    # Paths of this machine in answers.
    41: (
        "unit/admin/test_config.py::test_no_secret_and_no_path_is_ever_shown",
        f"{ROUTES}::test_no_answer_tells_where_luna_keeps_its_files",
    ),
    # A failed compaction is a success.
    42: ("unit/admin/test_sessions.py::test_a_failed_compaction_is_no_success",),
    # Requests that become paths.
    43: (
        "unit/server/test_static_pages.py::test_no_request_becomes_a_path",
        f"{STRANGERS}::test_pages_say_nothing_that_is_secret_and_everything_else_is_not_there",
    ),
    # No route is tested.
    44: (
        f"{ROUTES}::test_every_route_of_lunaproxy_answers_as_it_should",
        "faults/test_fuzzed_api.py::test_no_route_answers_with_a_fault_of_lunas_own",
    ),
    # Pages that not everybody can use.
    45: (FRAME, f"{FLOWS}::test_in_both_themes_and_on_a_phone"),
    # "Delete" that deletes everything.
    46: (
        f"{FLOWS}::test_flows_are_deleted_counted",
        "browser/test_logs.py::test_deleting_says_what_goes_and_takes_nothing_else",
    ),
    # Who waits keeps others from what they need.
    47: ("cases/test_scheduling.py::test_who_waits_holds_nothing",),
    # A health that says nothing.
    48: ("unit/server/test_health.py::test_ready", "unit/server/test_health.py::test_alive_whatever_happens"),
}


@cache
def _names_in(path: str) -> frozenset[str]:
    tree = ast.parse((TESTS / path).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_no_number_is_left_out() -> None:
    assert list(WEAKNESSES) == list(range(1, 49))
    assert all(WEAKNESSES.values())


@pytest.mark.parametrize("number", WEAKNESSES)
def test_what_is_named_is_there(number: int) -> None:
    for named in WEAKNESSES[number]:
        path, _, name = named.partition("::")
        assert name.startswith("test_") and name in _names_in(path), named
