"""The models that the site offers, and the endpoints that list them. The wire document, section 1.2."""

from dataclasses import dataclass
from typing import Any

from luna.demo.envelope import Call
from luna.demo.http import Reply

_CHAT_TYPES = [
    *("t2t", "t2v", "t2i", "image_edit", "search", "artifacts", "web_dev"),
    *("deep_research", "travel", "learn", "slides"),
]


@dataclass(frozen=True)
class Model:
    """One entry. Lengths in tokens."""

    id: str
    name: str
    about: str
    context: int = 1_000_000
    answer: int = 65_536
    visitors: bool = False
    omni: bool = False


MODELS = (
    Model("qwen3.7-plus", "Qwen3.7-Plus", "The all-rounder of the 3.7 series.", visitors=True),
    Model("qwen3.8-max", "Qwen3.8-Max", "The strongest model of the 3.8 series.", answer=131_072),
    Model("qwen3.7-max", "Qwen3.7-Max", "The strongest model of the 3.7 series."),
    Model("qwen3.6-plus", "Qwen3.6-Plus", "The all-rounder of the 3.6 series."),
    Model("qwen3.5-plus", "Qwen3.5-Plus", "The all-rounder of the 3.5 series."),
    Model("qwen3.5-omni-plus", "Qwen3.5-Omni-Plus", "Sees and hears.", context=262_144, answer=32_768, omni=True),
)

IDS = frozenset(model.id for model in MODELS)


def entry(model: Model) -> dict[str, Any]:
    """The model as the registry describes it."""
    return {
        "id": model.id,
        "name": model.name,
        "object": "model",
        "owned_by": "qwen",
        "info": {
            "id": model.id,
            "base_model_id": None,
            "name": model.name,
            "meta": {
                "description": model.about,
                "short_description": model.about,
                "capabilities": dict.fromkeys(("vision", "document", "video", "audio", "thinking", "search"), True),
                "abilities": {
                    "vision": 1,
                    "document": 1,
                    "video": 1,
                    "audio": 1,
                    "mcp": 1,
                    "thinking": 1 if model.omni else 3,
                    "parse_url": 2,
                },
                "max_context_length": model.context,
                "max_summary_generation_length": model.answer,
                "auto_thinking": True,
                "auto_search": True,
                "thinking_format": "summary",
                "chat_type": _CHAT_TYPES,
                "mcp": ["image-generation", "code-interpreter", "amap", "fire-crawl"],
                "modality": ["text", "image", "video", *(["audio"] if model.omni else [])],
                "think_skip": {"enable": True},
            },
            "is_active": True,
            "is_visitor_active": model.visitors,
        },
        "preset": True,
        "action_ids": [],
    }


_ENTRIES = [entry(model) for model in MODELS]


async def registry(call: Call) -> Reply:
    """The list, at `data.data`."""
    return call.success({"data": _ENTRIES})


async def old_registry(call: Call) -> Reply:
    """The list, at `data`, without an envelope."""
    return call.json({"data": _ENTRIES})
