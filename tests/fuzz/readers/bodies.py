"""Client bodies, in every protocol.

refused    with LunaError(BAD_REQUEST), which its dialect can put into its own words, in JSON and as a frame
read       a neutral request that comes back from its JSON as it was; its tokens can be counted, its digests
           made, its tools described and put into a toolbox, its refusal of a schema told
"""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from luna.conversation.digest import History
from luna.model.chat import ChatRequest, Tool
from luna.model.dialect import AnswerHead, ClientRequest, Dialect, Headers
from luna.model.errors import Kind, LunaError
from luna.model.events import Finish, Opened, TextDelta, Usage
from luna.protocols import counting, pieces, registry
from luna.tools.contract import describe
from luna.tools.profiles import GENERIC
from luna.tools.schema import Toolbox
from luna.tools.schema_check import fault_of
from tests.fuzz.guided import Target
from tests.property import test_anthropic_bodies, test_openai_bodies, test_responses_bodies

FLOW = "flow_0123456789abcdef01234567"


def reading(dialect: Dialect, path: str, headers: Headers = ()) -> Callable[[bytes], None]:
    """Reads a body as a flow does."""

    def run(data: bytes) -> None:
        request = ClientRequest("POST", path, "", headers, data)
        try:
            parsed = dialect.parse(request)
            chat = dialect.decode(parsed, request)
            schemas(chat.tools)
        except LunaError as error:
            assert error.kind is Kind.BAD_REQUEST, f"kind: {error!r}"
            reply = dialect.error(error, FLOW)
            assert 400 <= reply.status < 500 and isinstance(msgspec.json.decode(reply.body), dict), "no refusal"
            assert dialect.error_frame(error, FLOW).endswith(b"\n"), "no frame"
            return
        understood(chat)
        for stream in (True, False):
            head = AnswerHead(dialect.answer_id("0" * 24), chat.model, 1, stream, stream, document=parsed.document)
            encoder = dialect.encoder(head)
            events = (Opened("r", chat.model), TextDelta("Hello!"), Usage(1, 1), Finish("stop"))
            sent = b"".join([encoder.feed(event) for event in events]) + encoder.close()
            sent.decode()
            if not stream:
                msgspec.json.decode(sent, type=dict[str, msgspec.Raw])

    return run


def schemas(tools: Sequence[Tool]) -> None:
    """What is done with schemas, which are the client's own. Raises LunaError(BAD_REQUEST)."""
    box = Toolbox(tools)
    for tool in tools:
        describe(tool)
        fault_of(tool.parameters)
        if box.find(tool.name) is None:
            assert not tool.name.strip(), f"lost: the tool {tool.name!r}"


def understood(chat: ChatRequest) -> None:
    """What every request goes through."""
    written = msgspec.json.encode(chat)
    assert msgspec.json.encode(msgspec.json.decode(written, type=ChatRequest)) == written, "unstable: the document"
    assert counting.count(chat, pieces.estimate) >= 0
    history = History.of(chat.messages, GENERIC, "scope")
    again = History.of(msgspec.json.decode(written, type=ChatRequest).messages, GENERIC, "scope")
    assert history.digests == again.digests, "unstable: the digests"


def _seeds(*documents: object) -> Callable[[], Iterable[bytes]]:
    return lambda: [msgspec.json.encode(document) for document in documents]


_ASKED = {"model": "m", "messages": [{"role": "user", "content": "Hello!"}]}
_PROMPT = {"model": "m", "prompt": ["a", "b"], "max_tokens": 5, "stop": ["x"], "suffix": "s", "echo": True, "n": 1}

TARGETS = {
    "chat-completions": Target(
        "chat-completions",
        reading(registry.OPENAI_CHAT, "/v1/chat/completions"),
        _seeds(test_openai_bodies.GOOD, _ASKED),
    ),
    "completions": Target(
        "completions",
        reading(registry.OPENAI_COMPLETIONS, "/v1/completions"),
        _seeds(_PROMPT, {"prompt": "x", "stream": True, "stream_options": {"include_usage": True}}),
    ),
    "messages": Target(
        "messages",
        reading(registry.ANTHROPIC_MESSAGES, "/v1/messages", (("anthropic-version", "2023-06-01"),)),
        _seeds(test_anthropic_bodies.GOOD, {**_ASKED, "max_tokens": 10}),
    ),
    "responses": Target(
        "responses",
        reading(registry.OPENAI_RESPONSES, "/v1/responses"),
        _seeds(test_responses_bodies.GOOD, {"model": "m", "input": "Hello!"}),
    ),
}
