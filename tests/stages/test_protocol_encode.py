"""`protocol.encode` on a flow."""

import msgspec

from luna.model import values
from luna.model.events import Finish, TextDelta
from luna.stages.protocol_encode import ProtocolEncode, ProtocolEncodeOptions
from tests.support.play import Play, a_chat


def test_a_stream_bears_the_flows_id_time_and_the_clients_model_name() -> None:
    play = Play(ProtocolEncode, chat=a_chat(model="my-qwen"))
    first, *_, done = play.encode(TextDelta("Hi"), Finish("stop")).decode().split("\n\n")[:-1]
    chunk = msgspec.json.decode(first.removeprefix("data: "))
    assert (chunk["id"], chunk["model"], chunk["created"]) == (play.flow.answer_id, "my-qwen", 1790000000)
    assert play.flow.answer_id.startswith("chatcmpl-")
    assert done == "data: [DONE]"


def test_a_document_without_usage_estimates_the_prompt() -> None:
    play = Play(ProtocolEncode, chat=a_chat("新" * 200, stream=False))
    usage = msgspec.json.decode(play.encode(TextDelta("Hi"), Finish("stop")))["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (134, 1)


def test_the_same_flow_gives_the_same_bytes() -> None:
    one, other = (Play(ProtocolEncode).encode(TextDelta("Hi"), Finish("stop")) for _ in range(2))
    assert one == other


def test_signs_of_life_have_defaults_and_options() -> None:
    stage = Play(ProtocolEncode).stage
    assert (stage.heartbeat, stage.commit_after) == (10, 15)
    stage = Play(ProtocolEncode, {"heartbeat": "250ms", "commit-after": "0s"}).stage
    assert (stage.heartbeat, stage.commit_after) == (0.25, 0)


def test_the_options_describe_themselves() -> None:
    schema = msgspec.json.schema(ProtocolEncodeOptions, schema_hook=values.schema)
    properties = schema["$defs"]["ProtocolEncodeOptions"]["properties"]
    assert set(properties) == {"heartbeat", "commit-after"}
    assert all(option["description"] for option in properties.values())
