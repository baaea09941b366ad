"""Shapes that no fixture shows and the reader knows nevertheless: from the wire document, sections 1, 4 and 6.

Owns a table and nothing else. What a fixture shows need not stand here.
"""

from collections.abc import Iterator

from luna.qwen.shapes import FRAMES, REFUSALS, Shape, of_status

PHASES = (
    "answer",
    "think",
    "thinking_summary",
    "web_search",
    "code_interpreter",
    "image",
    "image_gen",
    "image_gen_tool",
    "local_tool",
)
"""Those that `luna.qwen.stream` understands."""

CODES = (
    "RateLimited",
    "ParallelLimited",
    "Too_Many_Requests",
    "quotaLimited",
    "ExceedLimit",
    "quota_exhausted",
    "insufficient_quota",
    "ContextLengthExceeded",
    "TokenLimit",
    "Bad_Request",
    "internal_error",
    "Internal_Server_Error",
    "RequestValidationError",
    "PARENT_NOT_FOUND",
    "Not_Found",
    "CHAT_NOT_FOUND",
    "Unauthorized",
    "unauthorized",
    "data_inspection_failed",
    "FAIL_SYS_USER_VALIDATE",
)

_DELTA = "choices[].delta"
_EXTRA = f"{_DELTA}.extra"
_FRAME_FIELDS = {
    f"{_DELTA}.name": "string",
    f"{_DELTA}.function_call": "object",
    f"{_DELTA}.function_call.name": "string",
    f"{_DELTA}.function_call.arguments": "string",
    f"{_DELTA}.function_id": "string",
    _EXTRA: "object",
    f"{_EXTRA}.function_id": "string",
    f"{_EXTRA}.display_position": "string",
    f"{_EXTRA}.tool_result": "object",
    f"{_EXTRA}.web_search_info": "list",
    f"{_EXTRA}.web_search_info[]": "object",
    f"{_EXTRA}.web_search_info[].url": "string",
    f"{_EXTRA}.web_search_info[].title": "string",
    f"{_EXTRA}.web_search_info[].snippet": "string",
    f"{_EXTRA}.web_search_info[].date": "string",
    f"{_EXTRA}.image_list": "list",
    f"{_EXTRA}.image_list[]": "object",
    f"{_EXTRA}.image_list[].image": "string",
    "choices[].finish_reason": "string",
    "usage": "object",
    "usage.prompt_tokens": "number",
    "usage.completion_tokens": "number",
    "usage.total_tokens": "number",
    "usage.width": "number",
    "usage.height": "number",
    "usage.image_count": "number",
    "usage.prompt_tokens_details": "object",
    "usage.prompt_tokens_details.cached_tokens": "number",
    "response.created": "object",
    "response.created.response_index": "string",
}
_REFUSAL_FIELDS = {
    "error": "object",
    "error.code": "string",
    "error.details": "string",
    "error.message": "string",
    "data": "object",
    "data.code": "string",
    "data.details": "string",
    "data.template": "string",
    "data.num": "number",
    "response_id": "string",
}
_CHAT = (
    ("data.chat", "object"),
    ("data.chat.history", "object"),
    ("data.chat.history.currentId", "null"),
    ("data.chat.history.currentId", "string"),
    ("data.chat.history.currentResponseIds", "list"),
    ("data.chat.history.currentResponseIds[]", "string"),
    ("data.chat.history.messages", "object"),
    ("data.chat.history.pagination", "object"),
    ("data.chat.messages", "list"),
    ("data.chat.models", "list"),
    ("data.chat.models[]", "string"),
    ("data.chat_mode", "string"),
    ("data.chat_type", "string"),
    ("data.content", "null"),
    ("data.content", "string"),
    ("data.created_at", "number"),
    ("data.currentId", "null"),
    ("data.currentId", "string"),
    ("data.highlight_indexes", "null"),
    ("data.id", "string"),
    ("data.message_id", "null"),
    ("data.message_id", "string"),
    ("data.models", "list"),
    ("data.models[]", "string"),
    ("data.pinned", "boolean"),
    ("data.project_id", "null"),
    ("data.project_id", "string"),
    ("data.title", "string"),
    ("data.updated_at", "number"),
    ("data.user_id", "string"),
)
_USER = ("id", "email", "name", "role", "profile_image_url")
_LISTED = ("data[].project_id", "data[].content", "data[].message_id")
_TOOLS_ENABLED = (
    "web_extractor",
    "web_search_image",
    "web_search",
    "image_gen_tool",
    "code_interpreter",
    "history_retriever",
    "image_edit_tool",
    "bio",
    "image_zoom_in_tool",
)
_STATUSES = (200, 204, 302, 400, 401, 403, 404, 405, 409, 429, 500, 502, 503)


def documented() -> Iterator[Shape]:
    """All of them."""
    yield from _answers()
    for phase in PHASES:
        yield Shape("phase", FRAMES, phase)
    for code in CODES:
        yield Shape("code", REFUSALS, code)
    for role in ("assistant", "function"):
        yield Shape("word", FRAMES, f"{_DELTA}.role={role}")
    for status in ("typing", "finished", "error"):
        yield Shape("word", FRAMES, f"{_DELTA}.status={status}")
    yield Shape("word", FRAMES, "[DONE]")
    for place, fields in ((FRAMES, _FRAME_FIELDS), (REFUSALS, _REFUSAL_FIELDS)):
        for path, of in fields.items():
            yield Shape("field", place, path, of)
    yield Shape("field", FRAMES, f"{_EXTRA}.tool_result", "list")
    for number in _STATUSES:
        yield of_status(200, number, "application/json")
    yield of_status(204, 204, "")
    for number in (302, 403, 405, 500, 502, 503):
        yield of_status(number, number, "text/html")


def _answers() -> Iterator[Shape]:
    """Of calls of which there is no fixture, or not of all that they may answer."""
    settings = "GET /api/v2/users/user/settings"
    users = ("GET /api/v1/auths/", "GET /api/v2/auths/", "GET /api/v2/user", "GET /api/v2/user/info")
    models = ("GET /api/models", "GET /api/v2/models/")
    permits = ("POST /api/v1/files/getstsToken", "POST /api/v2/files/getstsToken")
    for place in (*users, *models, *permits, settings, "GET /api/v2/chats/*", "POST /api/v2/files/parse"):
        for name, of in (("success", "boolean"), ("request_id", "string"), ("data", "object")):
            yield Shape("field", place, name, of)
    for place in users:
        for before in ("", "data."):
            for name in _USER:
                yield Shape("field", place, f"{before}{name}", "string")
            yield Shape("field", place, f"{before}created_at", "number")
            yield Shape("field", place, f"{before}is_guest", "boolean")
    for name, of in _CHAT:
        yield Shape("field", "GET /api/v2/chats/*", name, of)
    for name in _LISTED:
        yield Shape("field", "GET /api/v2/chats/", name, "string")
    yield Shape("field", settings, "data.tools_enabled", "object")
    for name in _TOOLS_ENABLED:
        yield Shape("field", settings, f"data.tools_enabled.{name}", "boolean")
    for name in ("data.file_id", "data.status"):
        yield Shape("field", "POST /api/v2/files/parse", name, "string")
    yield Shape("field", "POST /api/v2/files/parse/status", "data[].error_code", "string")
