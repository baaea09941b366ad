"""The bodies and answers of `/api/debug`.

Names are LunaProxy's. What the probes do is `luna.admin.debug`'s.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from luna.admin.envelope import ErrorBody
from luna.model.errors import LunaError

MODEL = "Qwen3.6-Plus"
GREETING: list[dict[str, Any]] = [{"role": "user", "content": "Say hello in one short sentence."}]

Mode = Literal["top_level_file_ids", "message_files_object"]
Model = Annotated[str, Meta(max_length=200)]
AccountId = Annotated[str, Meta(max_length=64, description="This account or none; empty: any.")]


@dataclass(frozen=True)
class Asked:
    """A completion that was asked for, and what became of it."""

    flow: str
    account: str
    chat: str
    words: str
    error: LunaError | None


@dataclass(frozen=True)
class FileSeen:
    """A file at Qwen. `url` is without its signature."""

    account: str
    id: str
    url: str
    name: str
    size: int


class ProbeBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What is asked: a greeting, unless `messages` say something else."""

    model: Model = MODEL
    messages: Annotated[list[dict[str, Any]], Meta(max_length=1000)] = msgspec.field(default_factory=GREETING.copy)
    account_id: AccountId = ""


class FileFlowBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A file with a marker in it, which the model is asked to repeat. `rawModes` are other shapes of Qwen's payload."""

    model: Model = MODEL
    marker: Annotated[str, Meta(max_length=200)] = ""
    filename: Annotated[str, Meta(max_length=200, pattern=r"^[^/\\\x00-\x1f]*$")] = "luna-probe.txt"
    content: str = ""
    prompt: str = "Repeat the marker that stands in the attached file, and nothing else."
    modes: list[Mode] = msgspec.field(default_factory=lambda: ["top_level_file_ids", "message_files_object"])
    raw_modes: Annotated[list[str], Meta(max_length=20)] = []
    account_id: AccountId = ""


class PhaseSeen(msgspec.Struct):
    """One part of an answer as Qwen keeps it; `len` in characters."""

    phase: str
    status: str
    len: int


class Roundtrip(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True):
    """What the client would have got, and what Qwen kept of it."""

    ok: bool
    flow_id: str
    chat_id: str
    completion_content: str
    chat_current_id: str | None
    answer_from_chat_by_id: str
    content_list_phases: list[PhaseSeen]
    error: ErrorBody | None = None


class WireSeen(msgspec.Struct, rename="camel"):
    """The completion's exchange with Qwen, without its secrets. `attempt` counts from 1."""

    attempt: int
    url: str
    payload: Any
    request_headers: dict[str, str]
    response_status: int
    response_headers: dict[str, str]


class WireProbe(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True):
    """What went over the wire, with the beginning of the raw stream; all of it stands in the recording."""

    ok: bool
    flow_id: str
    chat_id: str
    wire: WireSeen | None
    first_chunks: list[str]
    error: ErrorBody | None = None


class UploadSeen(msgspec.Struct, rename="camel"):
    """The file at Qwen; the address is without its signature."""

    file_id: str
    file_url: str
    file_name: str
    bytes: int


class AttachTest(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True):
    """One way to attach the file. `ok`: the answer repeats the marker."""

    mode: str
    ok: bool
    flow_id: str = ""
    chat_id: str = ""
    content: str = ""
    wire: WireSeen | None = None
    error: ErrorBody | None = None


class RawTest(msgspec.Struct):
    """One shape of the payload that luna does not send."""

    mode: str
    error: str


class FileFlow(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True):
    """`ok`: the file came to Qwen, and the model read it in every way."""

    ok: bool
    marker: str
    upload: UploadSeen | None
    attach_tests: list[AttachTest]
    raw_attach_tests: list[RawTest]
    error: ErrorBody | None = None
