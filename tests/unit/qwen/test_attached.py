"""Attachments in their order, with numbers and names that the text can speak of."""

from luna.model.chat import Attachment, Message, Part, Text, ToolResult
from luna.qwen.attached import LONGEST_NAME, attached, marks

PNG = "data:image/png;base64,AAAA"


def image(url: str = PNG, **more: str) -> Attachment:
    return Attachment("image", url=url, **more)


def user(*parts: Part, known: bool = False) -> Message:
    return Message("user", list(parts), known=known)


def tool(*parts: Text | Attachment) -> Message:
    return Message("tool", [ToolResult("call", list(parts))])


def named(*messages: Message) -> list[str]:
    return [one.name for one in attached(messages)]


def test_everything_in_order_those_of_tool_results_too() -> None:
    found = attached(
        [
            user(Text("Look"), image("data:image/png;base64,A"), Attachment("document", url="data:,x")),
            Message("assistant", [Text("I see")]),
            tool(Text("read"), image("data:image/jpeg;base64,B", media_type="image/jpeg")),
            user(image("https://a.example/pictures/cat.png?size=2")),
        ]
    )
    assert [one.mark for one in found] == [
        "[image 1: image-1]", "[document 1: document-1]", "[image 2: image-2.jpg]", "[image 3: cat.png]",
    ]  # fmt: skip
    assert [one.insisted for one in found] == [False, False, False, True]


def test_only_the_users_last_message_insists_and_not_the_tools_after_it() -> None:
    found = attached([user(image("data:,1")), user(image("data:,2")), tool(image("data:,3"))])
    assert [one.insisted for one in found] == [False, True, False]


def test_the_same_again_is_the_same() -> None:
    found = attached([user(image("data:,1"), known=True), user(image("data:,1"), image("data:,2"))])
    assert [(one.number, one.known, one.insisted) for one in found] == [(1, False, True), (2, False, True)]
    found = attached([user(image("data:,1"), known=True), tool(image("data:,2"))])
    assert [one.known for one in found] == [True, False]


def test_numbers_count_what_the_chat_knows_so_that_they_stay() -> None:
    before = [user(image("data:,1"), known=True)]
    after = attached([*before, user(image("data:,2"))])
    assert [one.mark for one in after if not one.known] == ["[image 2: image-2]"]


def test_names_that_clients_give() -> None:
    assert named(user(image(name="C:\\pictures\\my cat.png"))) == ["my cat.png"]
    assert named(user(image(name="../../x/y.png"))) == ["y.png"]
    assert named(user(image(name='a\r\n[b] "c".png'))) == ["ab c.png"]
    assert named(user(image(name="  "))) == ["image-1"]
    long = named(user(image(name="x" * 300 + ".jpeg")))[0]
    assert len(long) == LONGEST_NAME
    assert long.endswith("x.jpeg")


def test_names_of_addresses() -> None:
    assert named(user(image("https://a.example/a%20b.webp"))) == ["a b.webp"]
    assert named(user(image("https://a.example/picture"))) == ["image-1"]
    assert named(user(image("https://a.example/..."))) == ["image-1"]
    assert named(user(image("https://[bad/x.png"))) == ["image-1"]


def test_no_two_have_one_name() -> None:
    names = named(
        user(*(image(f"data:,{n}", name="image.png") for n in range(3)), image("data:,9", name="IMAGE-2.png"))
    )
    assert names == ["image.png", "image-2.png", "image-3.png", "IMAGE-2-2.png"]
    assert named(user(image("data:,1", name="x"), image("data:,2", name="x"))) == ["x", "x-2"]


def test_an_id_stands_for_itself() -> None:
    found = attached([user(Attachment("document", id="f1", name="a.pdf"), Attachment("document", id="f2"))])
    assert [one.name for one in found] == ["a.pdf", "document-2"]


def test_marks_by_what_they_stand_for() -> None:
    picture = image("data:,1", name="a.png")
    assert marks([user(Text("x"), picture)]) == {("", "data:,1"): "[image 1: a.png]"}
    assert marks([user(Text("x"))]) == {}
