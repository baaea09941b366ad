"""Which of a chat completion's top-level fields luna names as ignored.

Owns the decision for every field; the rule is `luna.protocols.fields`.
"""

from luna.protocols.fields import FieldTable
from luna.protocols.openai_types import Body

TABLE = FieldTable(
    read=frozenset(Body.__struct_encode_fields__),
    bookkeeping=frozenset(
        {
            "user",
            "safety_identifier",
            "store",
            "prompt_cache_key",
            "prompt_cache_retention",
            "client_metadata",
        }
    ),
    harmless={
        "n": (1,),
        "temperature": (1,),
        "top_p": (1,),
        "presence_penalty": (0,),
        "frequency_penalty": (0,),
        "logit_bias": ({},),
        "logprobs": (False,),
        "top_logprobs": (0,),
        "modalities": (["text"],),
        "verbosity": ("medium",),
        "service_tier": ("auto", "default"),
        "provider": ("qwen-ai",),
    },
)
"""`provider` is a luna field; there is only one provider."""
