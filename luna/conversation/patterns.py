"""By what the noise in an agent's conversation is recognised, as data.

Owns the signs, in English and Vietnamese: texts that clients write by themselves (Cline and its kin most of all), and
what models write when they take the conversation for a document. All are compared without regard to case. What is
done about noise belongs to `luna.conversation.classify`.
"""

import re

from luna.conversation.passages import Sign
from luna.model.late_pattern import LatePattern


def _compiled(*expressions: str) -> tuple[LatePattern[str], ...]:
    return tuple(LatePattern(expression, re.IGNORECASE) for expression in expressions)


def _any(*expressions: str) -> LatePattern[str]:
    return LatePattern("|".join([f"(?:{expression})" for expression in expressions]), re.IGNORECASE)


def _signs(*told: tuple[str, str]) -> tuple[Sign, ...]:
    """Of a mark and an expression each."""
    return tuple(Sign(mark, LatePattern(expression, re.IGNORECASE)) for mark, expression in told)


ENVIRONMENT = "environment_details"
"""The tag in which a client tells the time, the open files and the folder's content."""
FILE_LIST = LatePattern(r"^# Current (?:Working|Workspace) Directory\b.*\bFiles\s*$", re.IGNORECASE)
"""The line below which one file stands in each line."""

TASKS = (("feedback", "feedback_tag"), ("user_message", "user_message_tag"), ("task", "explicit_task_tag"))
"""Tags in which a client says what the user wants, the weightiest first, and what their evidence is called."""

AUTOMATED_SECTIONS = (
    Sign("[error] you did not", LatePattern(r"\[ERROR\] You did not use a tool"), "(This is an automated message"),
    Sign(
        "[lỗi] bạn", LatePattern(r"\[LỖI\] Bạn (?:đã )?(?:không|chưa) (?:sử )?dùng công cụ"), "(Đây là tin nhắn tự động"
    ),
    *_signs(
        ("task_progress", r"#+ task_progress\b"),
        ("todo list", r"#+ TODO LIST (?:UPDATE|CREATION)\b"),
        ("task_progress", r"You've made \d+ API requests without a task_progress"),
    ),
)
"""Reminders and reproaches that a client puts into the user's mouth."""

AUTOMATED_LINES = _signs(
    ("checkpoint", r"Checkpoint"),
    ("compare", r"Compare"),
    ("restore", r"Restore"),
    ("does not exist", r"(?:Error: )?Tool \S+ does not exists?\b.{0,80}"),
    ("denied this operation", r"The user denied this operation\b.{0,80}"),
    ("something went wrong", r"Something went wrong\b.{0,40}"),
    ("không tồn tại", r"(?:Lỗi: )?Công cụ \S+ không tồn tại.{0,80}"),
    ("từ chối", r"Người dùng (?:đã )?từ chối (?:thao tác|hành động) này.{0,80}"),
    ("xảy ra", r"(?:Đã xảy ra lỗi|Đã có lỗi xảy ra|Có lỗi xảy ra).{0,40}"),
)
"""The same in one line."""

BUTTONS = _compiled(r"(?:Checkpoint|Compare|Restore)(?:\s+(?:Checkpoint|Compare|Restore))*")
"""What was on the screen beside a text that was copied."""

PROTOCOL_SECTIONS = _signs(
    ("instructions for tool use", r"#+ Reminder: Instructions for Tool Use"),
    ("tool use", r"(?:#+ )?Tool Use(?: (?:Guidelines|Formatting|Examples))?\s*$"),
    ("execute_command", r"#+ execute_command\s*$"),
    ("read_file", r"#+ read_file\s*$"),
    ("write_to_file", r"#+ write_to_file\s*$"),
    ("replace_in_file", r"#+ replace_in_file\s*$"),
    ("attempt_completion", r"#+ attempt_completion\s*$"),
    ("plan_mode_respond", r"#+ plan_mode_respond\s*$"),
    ("dùng công cụ", r"#+ (?:Nhắc nhở: )?Hướng dẫn (?:sử )?dùng công cụ"),
)
"""How a client's own way to call tools is explained."""

PROTOCOL_NAMES = LatePattern(
    r"\b(?:execute_command|read_file|write_to_file|replace_in_file|search_files|list_files|list_code_definition_names|"
    r"use_mcp_tool|attempt_completion|ask_followup_question|plan_mode_respond|Tool Use Guidelines)\b"
)
ENOUGH_NAMES = 3
"""So many of these in a system text are proof that it explains a client's tools."""

WRAPPERS = _signs(
    ("[task resumption]", r"\[TASK RESUMPTION\]"),
    ("was interrupted", r"\bThis task was interrupted\b"),
    (
        "previously attempted a tool use",
        r"\bIf you previously attempted a tool use that the user did not provide a result for\b",
    ),
    ("new message to respond", r"\bNew message to respond to with\b"),
    ("for task continuation", r"\bNew instructions for task continuation\b"),
    ("plan mode", r"\bCurrent Mode:?\s+PLAN MODE\b"),
    ("plan mode", r"\bWhile in PLAN MODE\b"),
    ("plan_mode_respond", r"\bplan_mode_respond\b"),
    ("[tiếp tục nhiệm vụ]", r"\[TIẾP TỤC NHIỆM VỤ\]"),
    ("bị gián đoạn", r"\b(?:Nhiệm vụ|Tác vụ) này (?:đã )?bị gián đoạn\b"),
    ("kế hoạch", r"\bKhi (?:đang )?ở CHẾ ĐỘ (?:LẬP )?KẾ HOẠCH\b"),
)
"""Paragraphs around the user's words when a task goes on or is only to be planned."""

RESULT = _any(
    r"\s*<ml_tool_result\b",
    r"\s*\[[\w.:-]+(?: for '[^\n]{0,160})?\] Result:",
    r"\s*## \S+ [^\n]{0,160}Result:",
    r"\s*Tool \S+ (?:has )?(?:completed|finished|succeeded)\b",
    r"\s*Here(?:'s| is) the (?:content|result)s? of\b",
    r"\s*Công cụ \S+ (?:đã )?(?:hoàn thành|hoàn tất|chạy xong|thành công)\b",
    r"\s*Đây là (?:nội dung|kết quả) (?:của|từ)\b",
    r"\s*\[[\w.:-]+(?: cho '[^\n]{0,160})?\] Kết quả:",
)
"""How a tool's result begins that stands in the user's turn as text; its shape tells, not the tool's name."""

CALLS = _compiled(r"\s*<ml_tool_calls>")
"""How calls begin that stand in the assistant's turn as text."""

ECHOES = _compiled(
    r"(?:Error: )?Tool \S+ (?:does not exists?|is not (?:accessible|available))\b",
    r"The user denied this operation\b",
    r"Something went wrong\b",
    r"(?:Lỗi: )?Công cụ \S+ không (?:tồn tại|khả dụng|truy cập được)",
    r"Người dùng (?:đã )?từ chối (?:thao tác|hành động) này",
    r"(?:Đã xảy ra lỗi|Đã có lỗi xảy ra|Có lỗi xảy ra)",
)
"""How an answer begins that only repeats a failure."""
ECHO_LENGTH = 400
"""Characters: who writes more than that has something to say."""

_TALK = r"(?:conversation|transcript|chat (?:log|history)|prompt)"
_TALK_VI = r"(?:cuộc trò chuyện|hội thoại|đoạn chat|nhật ký|lời nhắc)"
_FILE_VI = r"(?:tệp|file|tập tin|tài liệu)"

CONFUSION = _signs(
    ("overflow-", r"\boverflow-\d{8}T\d{6}-[0-9a-f]+"),
    ("_", r"\b(?:ACTIVE_USER_TASK|IGNORED_NOISE_SUMMARY|SANITIZER_DECISIONS|TOOL_RESULT_CONTEXT)\b"),
    ("overflow", r"\boverflow (?:file|document|text|prompt|context)\b"),
    ("saniti", r"\bsaniti[sz]\w+ (?:file|document|text|prompt|context)\b"),
    ("ed ", rf"\b(?:attached|uploaded|provided) (?:text )?(?:file|document)\b[^\n]{{0,100}}\b{_TALK}\b"),
    (
        "s to ",
        rf"\b(?:the|this) (?:file|document) (?:appears|seems) to (?:be|contain)\b[^\n]{{0,60}}\b(?:log|{_TALK})\b",
    ),
    ("would you like me to do", r"\bwhat would you like me to do with (?:this|the) (?:\w+ )?(?:file|document)\b"),
    ("ed t", rf"\bI(?:'ve| have) (?:reviewed|analy[sz]ed|looked at) (?:the|this) (?:\w+ )?{_TALK}\b"),
    ("tải lên", rf"\b{_FILE_VI} (?:được )?tải lên\b[^\n]{{0,100}}{_TALK_VI}"),
    ("đính kèm", rf"\b{_FILE_VI} đính kèm\b[^\n]{{0,100}}{_TALK_VI}"),
    (" này ", rf"\b{_FILE_VI} này (?:chứa|là|bao gồm|có vẻ)[^\n]{{0,60}}{_TALK_VI}"),
    ("muốn tôi làm gì", rf"\bbạn muốn tôi làm gì với {_FILE_VI} này\b"),
    ("tôi đã ", rf"\btôi đã (?:đọc|xem|phân tích) (?:toàn bộ )?{_TALK_VI}\b"),
    ("tràn", rf"\b{_FILE_VI} tràn\b"),
    ("làm sạch", rf"\b{_FILE_VI} (?:đã )?(?:được )?làm sạch\b"),
)
"""How an answer talks that takes the overflow file for a document, or speaks of it at all."""
CONFUSION_REACH = 800
"""Characters at the beginning of an answer that are looked at: later on it may be the answer's own subject."""

THINKING = ("think", "thinking", "thought")
"""Tags in which a model reasons."""

_MARKS = {sign.mark for signs in (AUTOMATED_SECTIONS, AUTOMATED_LINES, PROTOCOL_SECTIONS, WRAPPERS) for sign in signs}
ANY_MARK = LatePattern("|".join(["<", *map(re.escape, sorted(_MARKS))]))
"""A user's text in which nothing of this occurs, in lower case, holds no tag and none of the noise above."""
