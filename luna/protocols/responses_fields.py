"""Which of a Responses request's top-level fields luna names as ignored, and which an answer repeats.

Owns the decision for every field; the rule is `luna.protocols.fields`. `include` asks for nothing that is missing when
it asks for encrypted reasoning: luna's reasoning items hold all the words, and any come back.
"""

from luna.protocols.fields import FieldTable
from luna.protocols.responses_types import Body

TABLE = FieldTable(
    read=frozenset(Body.__struct_encode_fields__),
    bookkeeping=frozenset(
        {
            "user",
            "safety_identifier",
            "prompt_cache_key",
            "prompt_cache_retention",
            "prompt_cache_options",
            "client_metadata",
        }
    ),
    harmless={
        "include": ([], ["reasoning.encrypted_content"]),
        "temperature": (1,),
        "top_p": (1,),
        "top_logprobs": (0,),
        "presence_penalty": (0,),
        "frequency_penalty": (0,),
        "truncation": ("disabled",),
        "background": (False,),
        "service_tier": ("auto", "default"),
        "stream_options": ({}, {"include_obfuscation": False}, {"include_obfuscation": True}),
        "context_management": ([],),
        "provider": ("qwen-ai",),
    },
)

ECHOED: dict[str, bytes] = {
    "instructions": b"null",
    "max_output_tokens": b"null",
    "metadata": b"{}",
    "parallel_tool_calls": b"true",
    "previous_response_id": b"null",
    "prompt_cache_key": b"null",
    "reasoning": b'{"effort":null,"summary":null}',
    "safety_identifier": b"null",
    "service_tier": b'"default"',
    "store": b"true",
    "temperature": b"1.0",
    "text": b'{"format":{"type":"text"}}',
    "tool_choice": b'"auto"',
    "tools": b"[]",
    "top_p": b"1.0",
    "truncation": b'"disabled"',
    "user": b"null",
}
"""What an answer repeats of its request, and what it says where the request says nothing."""
