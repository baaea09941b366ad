"""The body of `POST /v1/completions`, as clients send it, and which of its fields luna names as ignored.

Owns the shape; what the fields mean is `completions_decode`.
"""

from typing import Any

import msgspec

from luna.protocols.fields import FieldTable
from luna.protocols.openai_types import StreamOptionsIn


class Body(msgspec.Struct, kw_only=True):
    """The top level: every field that luna reads."""

    model: str | None = None
    prompt: str | list[str | int | list[int]] | None = None
    """Numbers are token ids."""
    echo: bool | None = None
    stream: bool | None = None
    stream_options: StreamOptionsIn | None = None
    max_tokens: int | None = None
    stop: str | list[str] | None = None

    account: str | None = None
    session_id: str | None = None
    provider_session_id_camel: str | None = msgspec.field(default=None, name="providerSessionId")
    provider_session_id: str | None = None
    metadata: dict[str, Any] | None = None


TABLE = FieldTable(
    read=frozenset(Body.__struct_encode_fields__),
    bookkeeping=frozenset({"user", "safety_identifier", "prompt_cache_key"}),
    harmless={
        "suffix": ("",),
        "n": (1,),
        "best_of": (1,),
        "temperature": (1,),
        "top_p": (1,),
        "presence_penalty": (0,),
        "frequency_penalty": (0,),
        "logit_bias": ({},),
        "provider": ("qwen-ai",),
    },
)
"""`suffix` asks for what stands between two texts, which a chat model does not know to give."""
