"""`format.contract`: the model is told in words which JSON the client wants (`response_format`).

Owns what the wish means, and that it is taken off the request: whoever comes after need not say that it was ignored.
`format.verify` sees to it that it is fulfilled.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from luna.core.flow import Flow
from luna.core.notes import Key
from luna.core.stage import BuildContext, RequestStage, StageOptions
from luna.model.errors import Kind, LunaError
from luna.tools.contract import remind
from luna.tools.json_text import encode
from luna.tools.schema_check import fault_of

PROMPTS: Mapping[str, tuple[str, ...]] = {
    "object": ("tools",),
    "schema": ("name", "description", "schema", "tools"),
    "tools": (),
}


class Wanted(msgspec.Struct, frozen=True):
    """The form that the answer must have."""

    schema: Mapping[str, Any]
    words: str
    """What the model was told."""


WANTED: Key[Wanted] = Key("format.wanted")


class FormatContractOptions(StageOptions, frozen=True, kw_only=True):
    """Options of `format.contract`."""

    prompts: Annotated[
        str, msgspec.Meta(description="The folder below prompts/ with the texts: object, schema, tools.", min_length=1)
    ] = "format"


class FormatContract(RequestStage):
    """Tells the model to answer in JSON when the client asks for `json_object` or `json_schema`. Stands behind
    `tools.contract`, whose texts come first; `format.verify` is its way back."""

    use = "format.contract"
    Options: ClassVar[type[StageOptions]] = FormatContractOptions
    needs_chat = True

    def __init__(self, options: FormatContractOptions, context: BuildContext) -> None:
        """Raises OptionError when a prompt is missing or uses a variable that it is not given."""
        super().__init__(options, context)
        self._prompts = {
            name: context.prompts.require(f"{options.prompts}/{name}", option="prompts", variables=variables)
            for name, variables in PROMPTS.items()
        }

    def request(self, flow: Flow) -> None:
        """Raises LunaError(BAD_REQUEST) for a schema that is none."""
        chat = flow.chat
        wish = chat.response_format or {}
        if wish.get("type") not in ("json_object", "json_schema"):
            return
        with_tools = chat.tools and chat.tool_choice.mode != "none"
        tools = f" {self._say('tools')}" if with_tools else ""
        said = wish.get("json_schema") if wish["type"] == "json_schema" else None
        if isinstance(said, Mapping) and isinstance(said.get("schema"), Mapping):
            schema = said["schema"]
            words = self._say("schema", **_described(said), schema=_written(schema), tools=tools)
        else:
            schema, words = {"type": "object"}, self._say("object", tools=tools)
        chat.messages = remind(chat.messages, words)
        chat.response_format = None
        flow.notes[WANTED] = Wanted(schema, words)

    def _say(self, prompt: str, /, **variables: str) -> str:
        return self._prompts[prompt].render(**variables).strip()


def _described(said: Mapping[str, Any]) -> dict[str, str]:
    description = said.get("description")
    name = said.get("name")
    return {
        "name": name if isinstance(name, str) and name else "answer",
        "description": f" ({description.strip()})" if isinstance(description, str) and description.strip() else "",
    }


def _written(schema: Mapping[str, Any]) -> str:
    fault = fault_of(schema)
    if fault:
        raise LunaError(
            Kind.BAD_REQUEST,
            f"The schema of `response_format` is no JSON Schema: {fault}.",
            hint="Correct the schema.",
            param="response_format",
        )
    return encode(schema)
