"""`format.verify`: an answer that was to be JSON is JSON, or the model is asked again.

Owns when text waits and when it need not: thinking and calls pass; text waits for the end, because only the whole of
it is or is not what the client wants. As soon as the client is given a call, text is what it always is: the JSON comes
in a later turn. What a document is belongs to `luna.tools.json_answer`.

An answer that ends because it became too long, or was filtered, is delivered as it is; its reason says what it is.
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar

import msgspec

from luna.core.flow import Flow
from luna.core.notes import Key
from luna.core.prompts import Prompt
from luna.core.stage import BuildContext, ResponseStage, StageOptions, Transducer
from luna.model.events import Finish, Notice, Opened, StreamEvent, TextDelta, ToolOpen
from luna.stages.asking import Asking
from luna.stages.format_contract import WANTED, Wanted
from luna.tools.json_answer import read

VARIABLES = ("problems", "wanted")
ASKING: Key[Asking] = Key("format.verify")


class FormatVerifyOptions(StageOptions, frozen=True, kw_only=True):
    """Options of `format.verify`."""

    attempts: Annotated[
        int, msgspec.Meta(ge=0, le=8, description="How often the model is asked again when its answer does not fit.")
    ] = 2
    prompt: Annotated[str, msgspec.Meta(description="The prompt that asks the model again.")] = "format/retry"


class FormatVerify(ResponseStage):
    """Gives the client the JSON it asked for and nothing around it. Stands behind `tools.verify`, and does nothing
    unless `format.contract` has asked the model for JSON."""

    use = "format.verify"
    Options: ClassVar[type[StageOptions]] = FormatVerifyOptions
    needs_chat = True

    def __init__(self, options: FormatVerifyOptions, context: BuildContext) -> None:
        """Raises OptionError when the prompt is missing or uses a variable that it is not given."""
        super().__init__(options, context)
        self._attempts = options.attempts
        self._prompt = context.prompts.require(options.prompt, option="prompt", variables=VARIABLES)

    def transducer(self, flow: Flow) -> Transducer | None:
        """None when any text will do."""
        wanted = flow.notes.get(WANTED)
        if wanted is None:
            return None
        asking = flow.notes.get(ASKING)
        if asking is None:
            asking = flow.notes[ASKING] = Asking(self._attempts)
        return Verifier(wanted, asking, self._prompt)


class Verifier:
    """The transducer."""

    def __init__(self, wanted: Wanted, asking: Asking, prompt: Prompt) -> None:
        self._wanted = wanted
        self._asking = asking
        self._prompt = prompt
        self._text: list[str] = []
        self._called = False

    def __repr__(self) -> str:
        return f"<Verifier {'called' if self._called else f'waiting={len(self._text)}'}>"

    def feed(self, event: StreamEvent) -> Sequence[StreamEvent]:
        """What may go on. Raises Reask, and LunaError when there have been enough."""
        notice = self._asking.notice()
        if notice is None:
            return self._take(event)
        return [event, notice] if isinstance(event, Opened) else [notice, *self._take(event)]

    def flush(self) -> Sequence[StreamEvent]:
        """The stream broke: the text that waited."""
        return self._release()

    def _take(self, event: StreamEvent) -> Sequence[StreamEvent]:
        match event:
            case TextDelta():
                if not self._called:
                    self._text.append(event.text)
                return ()
            case ToolOpen(native=False):
                # Words beside a call are no document, and a client that parses whatever text there is fails on them.
                self._called = True
                words = "".join(self._text)
                self._text.clear()
                return (Notice("format-dropped", words), event) if words.strip() else (event,)
            case Finish(reason="stop") if not self._called:
                return (*self._document(), event)
            case Finish():
                return (*self._release(), event)
            case _:
                return (event,)

    def _release(self) -> Sequence[StreamEvent]:
        text = "".join(self._text)
        self._text.clear()
        return (TextDelta(text),) if text else ()

    def _document(self) -> Sequence[StreamEvent]:
        """The answer's JSON."""
        text = "".join(self._text)
        self._text.clear()
        answer = read(text, self._wanted.schema)
        if answer.problems:
            listed = "\n".join(f"- {problem}" for problem in answer.problems)
            wanted = self._wanted.words.removeprefix("[").removesuffix("]")
            words = self._prompt.render(problems=listed, wanted=wanted)
            reason = "invalid-json" if text.strip() else "empty"
            raise self._asking.again(words, reason, " ".join(answer.problems))
        if answer.text == text:
            return (TextDelta(text),)
        return Notice("format-repaired", "The JSON was taken out of the answer."), TextDelta(answer.text)
