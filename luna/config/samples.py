"""Sample values for the variables of prompts, so that a text can be looked at as the model would get it.

Owns the samples alone; what really fills a variable is the business of whoever renders the prompt. Pure.
"""

from luna.core.prompts import Prompt, Prompts

_TOOLS = """\
## get_weather
The weather of a place, today or on another day.
Parameters: {
  city: string // The name of the place
  day?: string = "today"
}"""

_EXAMPLE = """\
<ml_tool_calls>
<ml_tool_call>
<ml_tool_name>example_search</ml_tool_name>
<ml_parameters>
<text><![CDATA[if (a < b) return "x";]]></text>
<limit>3</limit>
</ml_parameters>
</ml_tool_call>
</ml_tool_calls>"""

_FORM = (
    "<ml_tool_calls><ml_tool_call><ml_tool_name>NAME</ml_tool_name><ml_parameters>"
    "<PARAMETER><![CDATA[TEXT]]></PARAMETER></ml_parameters></ml_tool_call></ml_tool_calls>"
)

_TURNS = """\
<turn n="1" role="user">
What is the capital of France?
</turn>
<turn n="2" role="assistant">
Paris.
</turn>"""

_SAMPLES = {
    "system": "You are a friendly assistant.",
    "turns": _TURNS,
    "current": "And what is the weather like there?",
    "closing": "[Tools: get_weather. If the next step needs a tool, call it now.]",
    "tools": _TOOLS,
    "example": _EXAMPLE,
    "names": "get_weather, search",
    "form": _FORM,
    "name": "get_weather",
    "problems": "- The call of `get_weather` is invalid: `city` is missing.",
    "wanted": "Reply with exactly one JSON object and nothing else: it begins with { and ends with }.",
    "schema": '{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}',
    "description": " (a place on the map)",
    "file": "conversation.txt",
    "summary": "The user asked for the capital of France, which is Paris.",
    "left_out": "7",
    "tokens": "1200",
    "words": "1500",
}
_OF_PROMPT = {
    ("overflow/header", "turns"): "42",
    ("overflow/sanitized", "turns"): "42",
    ("session/header", "turns"): "42",
    ("tools/quoted", "example"): '<ml_parameter name="-B">VALUE</ml_parameter>',
    ("format/schema", "name"): "place",
}
_OTHERS = {
    ("tools/contract", "several"): "tools/several",
    ("tools/contract", "quoted"): "tools/quoted",
    ("format/object", "tools"): "format/tools",
    ("format/schema", "tools"): "format/tools",
}
"""Variables that another prompt fills."""


def samples(prompt: Prompt, prompts: Prompts) -> dict[str, str]:
    """A value for each variable that the prompt declares or uses. `prompts` are those in force."""
    return {name: _sample(prompt.name, name, prompts) for name in dict.fromkeys([*prompt.variables, *prompt.used()])}


def _sample(prompt: str, variable: str, prompts: Prompts) -> str:
    other = prompts.find(_OTHERS.get((prompt, variable), ""))
    if other is not None:
        return other.render(**{name: _sample(other.name, name, prompts) for name in other.used()})
    usual = _SAMPLES.get(variable, f"‹{variable}›")
    return _OF_PROMPT.get((prompt, variable), usual)
