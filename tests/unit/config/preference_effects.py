"""Which test proves that a setting has an effect: by its path, the beginning of the test's node id.

A data table with the two questions that can be asked of it: which settings have no entry, and which entries lead
nowhere. Tests are looked up in their source, so asking costs next to nothing.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from luna.config.preference_document import leaves

ROOT = Path(__file__).parents[3]

SANITIZER = "tests/unit/conversation/test_sanitizer_preferences.py"
OVERFLOW = "tests/stages/test_overflow.py"
PLAN = "tests/stages/test_overflow_plan.py"
KEPT = "tests/unit/state/test_overflow_files.py"
OUTPUT = "tests/stages/test_output_limits.py"
SESSIONS = "tests/unit/state/test_sessions.py"
UPKEEP = "tests/unit/state/test_session_upkeep.py"
COMPACTION = "tests/unit/state/test_compaction.py"
RECALL = "tests/stages/test_session_recall.py"
CLEANUP = "tests/unit/state/test_chat_cleanup.py"
BUSY = "tests/stages/test_sessions_on_the_way.py"
RUNS = "tests/unit/state/test_runs.py"
LIMITS = "tests/cases/test_scheduling.py"
WAITING = "tests/stages/test_waiting.py"
WAYS = "tests/unit/state/test_ways.py"

LEFT_OUT = f"{SANITIZER}::test_what_is_left_out"

EFFECTS: Mapping[str, str] = {
    "tokenOverflow.enabled": f"{OVERFLOW}::test_the_pipelines_word_counts_before_the_preferences",
    "tokenOverflow.threshold": f"{OVERFLOW}::test_the_pipelines_word_counts_before_the_preferences",
    "tokenOverflow.maxFiles": f"{KEPT}::test_beyond_the_number_the_oldest_go",
    "tokenOverflow.maxAgeHours": f"{KEPT}::test_with_time_they_go_by_themselves",
    "tokenOverflow.maxTotalMegabytes": f"{KEPT}::test_beyond_the_size_the_oldest_go",
    "tokenOverflow.sanitizer.enabled": f"{PLAN}::test_noise_is_left_out_only_when_that_is_wished",
    "tokenOverflow.sanitizer.maxEnvironmentFileList": LEFT_OUT,
    "tokenOverflow.sanitizer.maxMessageChars": LEFT_OUT,
    "tokenOverflow.sanitizer.stripClientToolProtocol": LEFT_OUT,
    "tokenOverflow.sanitizer.stripAutomatedClientErrors": LEFT_OUT,
    "tokenOverflow.sanitizer.stripAssistantToolFailureEcho": LEFT_OUT,
    "tokenOverflow.sanitizer.stripAssistantThinking": LEFT_OUT,
    "tokenOverflow.sanitizer.stripAssistantContainerConfusion": LEFT_OUT,
    "tokenOverflow.sanitizer.dedupeAssistantMessages": f"{SANITIZER}::test_repeated_answers_are_kept_once",
    "tokenOverflow.sanitizer.assistantSimilarityThreshold": (
        f"{SANITIZER}::test_from_which_likeness_answers_count_as_repeated"
    ),
    "tokenOverflow.sanitizer.assistantDedupeMode": f"{SANITIZER}::test_how_likeness_is_measured",
    "tokenOverflow.sanitizer.assistantKeepStrategy": f"{SANITIZER}::test_which_of_several_is_kept",
    "tokenOverflow.sanitizer.maxAssistantMessages": LEFT_OUT,
    "tokenOverflow.sanitizer.maxToolResultChars": LEFT_OUT,
    "tokenOverflow.sanitizer.maxToolResultCount": LEFT_OUT,
    "tokenOverflow.sanitizer.prioritizeUserMessages": (
        f"{SANITIZER}::test_what_the_user_said_comes_before_everything_else_or_behind_the_context"
    ),
    "session.enabled": f"{SESSIONS}::test_sessions_can_be_switched_off",
    "session.requireExplicitId": f"{SESSIONS}::test_only_named_sessions_when_people_say_so",
    "session.historyLimit": f"{SESSIONS}::test_a_session_keeps_so_many_messages",
    "session.rollingHistoryK": f"{RECALL}::test_so_many_messages_are_sent_beside_it",
    "session.summaryEveryNTurns": f"{UPKEEP}::test_a_summary_is_made_every_so_many_turns",
    "session.summaryMaxTokens": f"{UPKEEP}::test_a_summary_is_no_longer_than_wished",
    "session.summaryInputMaxTokens": f"{UPKEEP}::test_so_many_tokens_of_messages_go_in",
    "session.summaryMessageMaxChars": f"{UPKEEP}::test_so_many_characters_of_one_message_go_in",
    "session.summaryIncludeSystemMessages": f"{UPKEEP}::test_the_system_and_tools_go_in_only_when_that_is_wished",
    "session.autoCompact": f"{UPKEEP}::test_a_session_that_has_grown_long_is_compacted_if_wished",
    "session.compactAfterMessages": f"{UPKEEP}::test_then_it_must_grow_long_again",
    "session.compactModel": f"{COMPACTION}::test_compaction_asks_for_a_summary_of_all_that_is_stored",
    "session.compactKeepRecent": f"{COMPACTION}::test_so_many_messages_stay",
    "session.expireAfterDays": f"{SESSIONS}::test_sessions_expire",
    "session.maxSessions": f"{SESSIONS}::test_of_too_many_the_longest_unused_go",
    "session.overflowSignal.enabled": (
        f"{OVERFLOW}::test_nobody_is_told_below_the_threshold_or_when_it_is_switched_off"
    ),
    "session.overflowSignal.mode": f"{OVERFLOW}::test_who_is_told_to_compact",
    "session.overflowSignal.signalThresholdTokens": (
        f"{OVERFLOW}::test_nobody_is_told_below_the_threshold_or_when_it_is_switched_off"
    ),
    "session.chatCleanup.enabled": f"{CLEANUP}::test_a_changed_policy_holds_at_once",
    "session.chatCleanup.afterResponse": f"{CLEANUP}::test_after_the_response",
    "session.chatCleanup.afterIdleMinutes": f"{CLEANUP}::test_after_idle_time_counted_from_the_last_use",
    "session.chatCleanup.scheduled.enabled": f"{CLEANUP}::test_on_a_schedule",
    "session.chatCleanup.scheduled.mode": f"{CLEANUP}::test_after_the_response_only_what_is_luna_s",
    "session.chatCleanup.scheduled.intervalHours": f"{CLEANUP}::test_on_a_schedule",
    "session.chatCleanup.scheduled.maxAgeHours": f"{CLEANUP}::test_on_a_schedule",
    "multiThread.enabled": f"{LIMITS}::test_c06_a_disabled_scheduler_lets_everybody_through",
    "multiThread.globalMaxConcurrentRuns": f"{LIMITS}::test_c02_c09_the_global_limit_holds",
    "multiThread.defaultProviderMaxConcurrentRuns": f"{LIMITS}::test_c03_the_limit_of_the_provider_holds",
    "multiThread.defaultAccountMaxConcurrentRuns": (f"{LIMITS}::test_c05_an_account_takes_as_many_as_its_limit_says"),
    "multiThread.defaultModelMaxConcurrentRuns": f"{LIMITS}::test_one_model_may_be_limited",
    "multiThread.defaultWorkerMaxConcurrentRuns": (
        f"{LIMITS}::test_c10_c11_the_limit_of_a_worker_holds_and_the_others_are_used_first"
    ),
    "multiThread.sameSessionWritePolicy": (
        f"{LIMITS}::test_requests_of_one_session_go_one_after_the_other_where_that_is_asked_for"
    ),
    "multiThread.queueTimeoutMs": f"{WAITING}::test_the_queue_timeout_of_the_settings_holds",
    "multiThread.runTimeoutMs": (f"{WAITING}::test_a_run_that_took_too_long_before_its_first_word_gets_a_real_status"),
    "multiThread.queueLength": f"{LIMITS}::test_the_queue_has_a_length",
    "multiThread.sameProviderChatPolicy": f"{BUSY}::test_or_another_chat_is_begun_when_people_prefer_that",
    "egressIsolation.enabled": f"{WAYS}::TestWithIsolation::test_without_a_way_of_its_own_nothing_leaves",
    "egressIsolation.strict": (
        f"{WAYS}::TestWithIsolation::test_without_strictness_the_direct_address_does_not_matter"
    ),
    "egressIsolation.fallbackToDirect": (
        f"{WAYS}::TestGoingOutDirectlyAfterAll::test_only_when_exactly_that_is_allowed"
    ),
    "egressIsolation.verifyBeforeUse": (
        f"{WAYS}::TestWithIsolation::test_without_verification_only_what_is_known_to_be_wrong_is_refused"
    ),
    "egressIsolation.verifyIpUrl": (
        "tests/faults/test_egress_isolation.py::test_the_address_is_asked_for_by_the_way_itself"
    ),
    "egressIsolation.verifyMaxAgeMinutes": f"{WAYS}::TestWithIsolation::test_the_age_that_counts_is_the_settings",
    "tokenLimits.enabled": f"{OVERFLOW}::test_limits_that_are_switched_off_are_not_obeyed",
    "tokenLimits.maxInputTokens": f"{OVERFLOW}::test_beyond_the_maximum_a_prompt_is_refused_unless_as_a_file",
    "tokenLimits.warnInputTokens": f"{OVERFLOW}::test_a_long_prompt_is_logged",
    "tokenLimits.defaultMaxOutputTokens": f"{OUTPUT}::test_how_long_an_answer_gets",
    "tokenLimits.maxOutputTokensCap": f"{OUTPUT}::test_how_long_an_answer_gets",
    "logging.maxRuns": f"{RUNS}::test_old_runs_and_too_many_go_but_never_those_that_go_on",
    "logging.maxLogs": "tests/unit/state/test_logs.py::test_old_lines_and_too_many_go",
    "logging.maxAgeDays": f"{RUNS}::test_old_runs_and_too_many_go_but_never_those_that_go_on",
    "ui.language": (
        "tests/browser/test_language.py::test_the_language_of_the_settings_is_spoken_where_nobody_chose_another"
    ),
}


def unproven() -> list[str]:
    """The settings of which no test says that they have an effect."""
    return [leaf.path for leaf in leaves() if leaf.path not in EFFECTS]


def misleading() -> list[str]:
    """Entries of no setting, and entries that name no test."""
    known = {leaf.path for leaf in leaves()}
    return [path for path, test in EFFECTS.items() if path not in known or not exists(test)]


def exists(test: str) -> bool:
    """True for a node id (or the beginning of one, up to a name) of a test in a file."""
    file, _, name = test.partition("::")
    return name.partition("[")[0] in _tests_in(file)


@cache
def _tests_in(file: str) -> frozenset[str]:
    path = ROOT / file
    return frozenset(_tests_among(ast.parse(path.read_text()).body)) if path.is_file() else frozenset()


def _tests_among(nodes: Iterable[ast.stmt]) -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name.startswith("test_"):
                yield name
            case ast.ClassDef(name=name, body=body) if name.startswith("Test"):
                yield from (f"{name}::{test}" for test in _tests_among(body))
