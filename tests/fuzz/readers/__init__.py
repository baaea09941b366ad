"""Every reader of foreign bytes that is searched: its name, where its target is, and the modules whose branches count.

Imports none of them: what counts branches must be there before they are. A reader is added by a row here, a `Target` in
one of the files beside this one, and `python -m tests.fuzz --reader NAME --keep`, which makes its corpus.
"""

import importlib
from dataclasses import dataclass

from tests.fuzz.guided import Target


@dataclass(frozen=True)
class Reader:
    """One row. `modules` with all that is below them."""

    name: str
    place: str
    modules: tuple[str, ...]

    def target(self) -> Target:
        """What is run. Imports luna."""
        found = importlib.import_module(f"tests.fuzz.readers.{self.place}").TARGETS[self.name]
        assert isinstance(found, Target)
        return found


_PROTOCOLS = ("luna.protocols", "luna.conversation.stable", "luna.conversation.digest", "luna.tools")
_TABLE = (
    Reader("chat-completions", "bodies", _PROTOCOLS),
    Reader("completions", "bodies", _PROTOCOLS),
    Reader("messages", "bodies", _PROTOCOLS),
    Reader("responses", "bodies", _PROTOCOLS),
    Reader("conversation", "texts", ("luna.conversation", "luna.qwen.conversation", "luna.tools.history")),
    Reader("markup", "texts", ("luna.tools",)),
    Reader("json-answer", "texts", ("luna.tools",)),
    Reader("patterns", "schemas", ("luna.patterns",)),
    Reader("schemas", "schemas", ("luna.patterns", "luna.tools.schema_check", "luna.tools.bounded_draft")),
    Reader("filters", "texts", ("luna.filters", "luna.state.run_query")),
    Reader(
        "http", "upstream", ("luna.upstream.parser", "luna.upstream.encoding", "luna.qwen.errors", "luna.qwen.refusals")
    ),
    Reader("sse", "upstream", ("luna.qwen", "luna.protocols", "luna.model")),
    Reader("refusals", "upstream", ("luna.qwen.errors", "luna.qwen.refusals")),
    Reader("documents", "upstream", ("luna.qwen",)),
    Reader("links", "links", ("luna.upstream", "luna.state.network_records", "luna.protocols.pictures")),
    Reader("yaml", "configuration", ("luna.config", "luna.core.routing", "luna.core.prompts", "luna.model.values")),
    Reader("data-files", "configuration", ("luna.config", "luna.disk", "luna.state", "luna.model.preferences")),
    Reader("recordings", "recordings", ("luna.wire", "luna.replay")),
    Reader("bundles", "recordings", ("luna.replay", "luna.wire")),
    Reader("replays", "replays", ("luna.replay", "luna.stages", "luna.qwen")),
    Reader("credentials", "credentials", ("luna.qwen.cookies", "luna.qwen.tokens", "luna.qwen.credentials")),
    Reader("takeover", "takeover", ("luna.disk", "luna.config", "luna.state", "luna.conversation")),
    Reader("rows", "rows", ("luna.state", "luna.conversation")),
    Reader("journal", "journal", ("luna.state.store.journal", "luna.state.store.recovery")),
)
READERS = {reader.name: reader for reader in _TABLE}
