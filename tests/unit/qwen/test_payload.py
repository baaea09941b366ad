"""The bodies that go out."""

from typing import Any

import msgspec
import pytest

from luna.model.chat import ThinkingMode
from luna.qwen.payload import Turn, completion_body, new_chat_body, stop_body


def body(**changes: Any) -> Any:
    turn = Turn("c1", "qwen3.7-plus", "Hi \u4f60", 1_790_400_000, "fid-1", "child-1")
    return msgspec.json.decode(completion_body(msgspec.structs.replace(turn, **changes)))


def test_the_first_turn() -> None:
    said = body()
    assert {key: said[key] for key in said if key != "messages"} == {
        "stream": True,
        "version": "2.1",
        "incremental_output": True,
        "chatId": "c1",
        "parentId": "",
        "chat_id": "c1",
        "chat_mode": "normal",
        "model": "qwen3.7-plus",
        "parent_id": None,
        "timestamp": 1_790_400_000,
    }
    (message,) = said["messages"]
    assert message.pop("feature_config") == {
        "thinking_enabled": False,
        "auto_thinking": False,
        "thinking_mode": "Fast",
        "output_schema": "phase",
        "research_mode": "normal",
        "auto_search": False,
    }
    assert message == {
        "id": None,
        "fid": "fid-1",
        "parentId": None,
        "childrenIds": ["child-1"],
        "role": "user",
        "content": "Hi \u4f60",
        "user_action": "chat",
        "files": [],
        "timestamp": 1_790_400_000,
        "models": ["qwen3.7-plus"],
        "model": "",
        "chat_type": "t2t",
        "extra": {"meta": {"subChatType": "t2t"}},
        "sub_chat_type": "t2t",
        "parent_id": None,
    }


def test_a_later_turn_names_its_parent_in_four_places() -> None:
    said = body(parent="r1")
    message = said["messages"][0]
    assert [said["parentId"], said["parent_id"], message["parentId"], message["parent_id"]] == ["r1"] * 4


@pytest.mark.parametrize(
    ("mode", "enabled", "auto", "word"), [("thinking", True, False, "Thinking"), ("auto", True, True, "Auto")]
)
def test_thinking(mode: ThinkingMode, enabled: bool, auto: bool, word: str) -> None:
    config = body(thinking=mode)["messages"][0]["feature_config"]
    assert (config["thinking_enabled"], config["auto_thinking"], config["thinking_mode"]) == (enabled, auto, word)
    assert config["thinking_format"] == "summary"
    assert "thinking_budget" not in config


def test_a_budget_only_where_there_is_thinking() -> None:
    assert body(thinking="thinking", budget=2000)["messages"][0]["feature_config"]["thinking_budget"] == 2000
    assert "thinking_budget" not in body(budget=2000)["messages"][0]["feature_config"]


def test_search() -> None:
    assert body(search=True)["messages"][0]["feature_config"]["auto_search"] is True


def test_a_new_chat_has_no_title() -> None:
    assert msgspec.json.decode(new_chat_body("m", 1_790_400_000.5)) == {
        "chatId": "",
        "models": ["m"],
        "chat_mode": "normal",
        "chat_type": "t2t",
        "timestamp": 1_790_400_000_500,
        "project_id": "",
    }


def test_a_stop() -> None:
    assert msgspec.json.decode(stop_body("c", "r")) == {"chat_id": "c", "response_id": "r"}
    assert msgspec.json.decode(stop_body("c", "")) == {"chat_id": "c"}
