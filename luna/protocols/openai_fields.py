"""Which of a chat completion's top-level fields luna names as ignored.

Owns the decision for every field, in one place:

    read                 every field of `openai_types.Body`; never named
    bookkeeping          changes nothing about the answer; never named
    harmless defaults    says what luna does anyway; named only with another value
    everything else      known or not, named unless it is null
"""

import msgspec

from luna.protocols.body import read
from luna.protocols.openai_types import Body

READ = frozenset(Body.__struct_encode_fields__)

BOOKKEEPING = frozenset(
    {
        "user",
        "safety_identifier",
        "store",
        "prompt_cache_key",
        "prompt_cache_retention",
        "client_metadata",
    }
)

HARMLESS: dict[str, tuple[object, ...]] = {
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
}
"""Field → the values that ask for nothing. `provider` is a luna field; there is only one provider."""

_NAME_LENGTH = 64
_VALUE = msgspec.json.Decoder()


def ignored(fields: dict[str, msgspec.Raw]) -> list[str]:
    """The names to report, in the client's order; overlong ones are cut. Raises LunaError(BAD_REQUEST)."""
    return [
        name[:_NAME_LENGTH]
        for name, raw in fields.items()
        if name not in READ and name not in BOOKKEEPING and not _asks_for_nothing(name, raw)
    ]


def _asks_for_nothing(name: str, raw: msgspec.Raw) -> bool:
    value = bytes(raw)
    return value == b"null" or (name in HARMLESS and read(_VALUE, value) in HARMLESS[name])
