"""The entries in a completion's `files`, kind by kind."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna.model.ambient import Ids
from luna.qwen.file_entries import Uploaded, entry, named_only
from luna.qwen.file_types import LIMITS, FileKind

URL = "https://b.oss-x.aliyuncs.com/u/f?Signature=secret"


def test_a_document_as_the_web_client_writes_it() -> None:
    ids = Ids(b"x")
    file = Uploaded("f1", URL, "a.txt", "document", "text/plain", 12, "u1")
    assert entry(file, ids, 1790000000.5) == {
        "type": "file",
        "file": {
            "created_at": 1790000000500,
            "data": {},
            "filename": "a.txt",
            "hash": None,
            "id": "f1",
            "user_id": "u1",
            "meta": {
                "name": "a.txt",
                "size": 12,
                "content_type": "text/plain",
                "parse_meta": {"parse_status": "success"},
            },
            "update_at": 1790000000500,
        },
        "id": "f1",
        "url": URL,
        "name": "a.txt",
        "collection_name": "",
        "progress": 0,
        "status": "uploaded",
        "greenNet": "success",
        "size": 12,
        "error": "",
        "itemId": Ids(b"x").uuid(),
        "file_type": "text/plain",
        "showType": "file",
        "file_class": "document",
        "uploadTaskId": (again := Ids(b"x"), again.uuid(), again.uuid())[2],
    }


@pytest.mark.parametrize(
    ("kind", "shown", "file_class"),
    [("image", "image", "vision"), ("video", "video", "video"), ("audio", "audio", "audio")],
)
def test_media(kind: FileKind, shown: str, file_class: str) -> None:
    made = entry(Uploaded("f", URL, "a", kind, f"{kind}/x", 1), Ids(b"x"), 1.0)
    assert (made["type"], made["showType"], made["file_class"]) == (shown, shown, file_class)
    assert "parse_meta" not in made["file"]["meta"]


@settings(max_examples=40)
@given(st.sampled_from(list(LIMITS)), st.text(max_size=20), st.integers(0, 10**9), st.binary(min_size=1, max_size=8))
def test_every_entry_has_every_field_and_is_made_of_its_inputs_alone(
    kind: FileKind, name: str, size: int, seed: bytes
) -> None:
    file = Uploaded("f", URL, name, kind, "a/b", size, "u")
    made = entry(file, Ids(seed), 5.0)
    assert made == entry(file, Ids(seed), 5.0)
    assert made.keys() == entry(named_only("x"), Ids(b"y"), 1.0).keys()
    assert (made["size"], made["name"], made["file"]["meta"]["size"]) == (size, name, size)
    assert made["itemId"] != made["uploadTaskId"]
    assert msgspec.json.decode(msgspec.json.encode(file), type=Uploaded) == file


def test_a_file_that_only_the_client_knows() -> None:
    assert named_only("f1").name == "f1"
    made = entry(named_only("f1", "a.png", "image"), Ids(b"x"), 1.0)
    assert (made["id"], made["url"], made["name"], made["type"]) == ("f1", "", "a.png", "image")


def test_the_signed_address_does_not_show() -> None:
    assert "Signature" not in repr(Uploaded("f1", URL, "a.txt", "document", "text/plain", 12))
