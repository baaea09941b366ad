"""`tools.contract`: the client's tools, calls and results become text that Qwen's chat can carry.

Owns which prompt files speak and when. What they say of a tool and how the past looks belongs to `luna.tools`.
"""

from functools import partial
from typing import Annotated, ClassVar

import msgspec

from luna.core.flow import Flow
from luna.core.prompts import Prompt
from luna.core.stage import BuildContext, RequestStage, StageOptions
from luna.tools.contract import PROMPTS, instruct, remind
from luna.tools.history import as_text, has_calls


class ToolsContractOptions(StageOptions, frozen=True, kw_only=True):
    """Options of `tools.contract`."""

    prompts: Annotated[
        str,
        msgspec.Meta(
            description="The folder below prompts/ with the texts: contract, reminder, several, single, quoted,"
            " required, specific, off.",
            min_length=1,
        ),
    ] = "tools"


class ToolsContract(RequestStage):
    """Tells the model of the client's tools and how to call them, and writes past calls and results as text in the
    same markup. Without tools, or when the client forbids calls, only the past is rewritten. `tools.intercept` is its
    way back."""

    use = "tools.contract"
    Options: ClassVar[type[StageOptions]] = ToolsContractOptions
    needs_chat = True

    def __init__(self, options: ToolsContractOptions, context: BuildContext) -> None:
        """Raises OptionError when a prompt is missing or uses a variable that it is not given."""
        super().__init__(options, context)
        named = {name: f"{options.prompts}/{name}" for name in PROMPTS}
        prompts = {
            name: context.prompts.require(path, option="prompts", variables=PROMPTS[name])
            for name, path in named.items()
        }
        self._say = partial(_say, prompts)

    def request(self, flow: Flow) -> None:
        """Raises LunaError(BAD_REQUEST) for a tool whose schema is nested too deeply."""
        chat = flow.chat
        messages = as_text(chat.messages)
        if chat.tools and chat.tool_choice.mode != "none":
            messages = instruct(messages, chat.tools, chat.tool_choice, self._say)
        elif has_calls(chat.messages):
            messages = remind(messages, self._say("off"))
        chat.messages = messages
        chat.bridged = True


def _say(prompts: dict[str, Prompt], prompt: str, /, **variables: str) -> str:
    return prompts[prompt].render(**variables)
