"""Which of a message request's top-level fields luna names as ignored.

Owns the decision for every field; the rule is `luna.protocols.fields`. Named are above all those that ask the server
to do something to the conversation or the answer that luna does not do: `context_management`, `safeguards`,
`mcp_servers`, `fallbacks`, sampling other than the default.
"""

from luna.protocols.anthropic_types import Body
from luna.protocols.fields import FieldTable

TABLE = FieldTable(
    read=frozenset(Body.__struct_encode_fields__),
    bookkeeping=frozenset(
        {
            "cache_control",
            "diagnostics",
            "inference_geo",
            "billing_policy",
            "fallback_credit_token",
            "user_profile_id",
            "workspace_id",
            "betas",
            "anthropic_version",
        }
    ),
    harmless={
        "temperature": (1,),
        "top_p": (1,),
        "top_k": (0, -1),
        "service_tier": ("auto", "standard_only"),
        "speed": ("standard",),
        "context_management": ({}, {"edits": []}),
        "mcp_servers": ([],),
        "safeguards": ([],),
        "fallbacks": ([],),
        "provider": ("qwen-ai",),
    },
)
