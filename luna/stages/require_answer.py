"""`require-answer`: silence is an error.

Owns the difference between an answer and an empty one: text, media, or a call that the client can run.
"""

from collections.abc import Iterable

from luna.core.flow import Flow
from luna.core.stage import ResponseStage
from luna.model.errors import Kind, LunaError
from luna.model.events import Finish, Media, Notice, StreamEvent, TextDelta, ToolOpen


class RequireAnswer(ResponseStage):
    """Turns an answer without text, media or a tool call for the client into an error that says what came instead.
    Stands before `limit`, which may rightly leave nothing of an answer."""

    use = "require-answer"
    needs_chat = True

    def transducer(self, flow: Flow) -> "_Watching":
        return _Watching()


class _Watching:
    """Passes everything on until the end, and looks whether there was something."""

    def __init__(self) -> None:
        self._answered = False
        self._instead: list[str] = []

    def feed(self, event: StreamEvent) -> Iterable[StreamEvent]:
        match event:
            case TextDelta():
                self._answered = self._answered or event.text != ""
            case Media() | ToolOpen(native=False):
                self._answered = True
            case ToolOpen(name=name):
                self._instead.append(f"a call of its own tool '{name}'")
            case Notice(kind="tool-missing", text=text):
                self._instead.append(f"the notice {text!r}")
            case Finish(reason="stop") if not self._answered:
                raise self._silence()
            case _:
                pass
        return (event,)

    def flush(self) -> Iterable[StreamEvent]:
        return ()

    def _silence(self) -> LunaError:
        instead = f" It made {', then '.join(self._instead[:3])}." if self._instead else ""
        return LunaError(
            Kind.UPSTREAM_BROKEN,
            f"Qwen ended its answer without having said anything.{instead}",
            hint="Send the request again, or word it differently.",
        )
