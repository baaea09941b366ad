"""Pictures, each once."""

from hypothesis import given
from hypothesis import strategies as st

from luna.model.events import Media, Notice
from luna.qwen.gallery import Gallery

A, B = "https://cdn/a.png?key=1", "https://cdn/b.png"


def test_the_bare_address_with_its_size() -> None:
    gallery = Gallery()
    assert gallery.address(A, {"output_image_hw": [[1536, 2688]]}) == [Media("image", A, 2688, 1536)]
    assert gallery.address(f" {A}\n", {}) == []
    assert gallery.address(B, {"output_image_hw": [["x", None]]}) == [Media("image", B)]
    assert gallery.address("", {}) == []


def test_what_is_no_address_is_noticed() -> None:
    gallery = Gallery()
    (notice,) = gallery.address("Sorry, no picture.", {})
    assert isinstance(notice, Notice)
    assert not gallery


def test_lists_name_every_picture_twice() -> None:
    extra = {"image_list": [{"image": A}, {"image": B}], "tool_result": [{"image": A}, {"other": 1}, 5]}
    assert Gallery().listed(extra) == [Media("image", A), Media("image", B)]
    assert Gallery().listed({"image_list": "x", "tool_result": {"docs": []}}) == []


def test_markdown_in_pieces() -> None:
    gallery = Gallery()
    assert gallery.markdown("![a cat](https://cdn/") == []
    assert gallery.markdown("a.png) and ") == [Media("image", "https://cdn/a.png")]
    assert gallery.markdown('![b](https://cdn/b.png "title")') == [Media("image", "https://cdn/b.png")]
    assert repr(gallery) == "<Gallery 2>"


MARKDOWN = st.lists(
    st.sampled_from(
        ["![", "![a cat](", "](", ")", "]", "!", "[", " ", "\n", "https://cdn/", "a.png", "http", ' "title"', "text"]
    ),
    max_size=25,
)


@given(MARKDOWN, st.data())
def test_how_markdown_is_cut_into_pieces_never_matters(words: list[str], data: st.DataObject) -> None:
    text = "".join(words)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    gallery, found = Gallery(), []
    for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        found += gallery.markdown(text[begin:end])
    assert found == Gallery().markdown(text)


def test_markdown_that_leads_to_no_picture_is_let_go() -> None:
    gallery = Gallery()
    for number in range(500):
        gallery.markdown(f"some words about a picture, number {number}, ![x] and (more) ![y](no address) ")
        assert repr(gallery) == "<Gallery 0>"
    held = "![a cat](https://cdn/a"
    gallery.markdown(f"and at last {held}")
    assert repr(gallery) == f"<Gallery 0 holding={len(held)}>"
    for _ in range(50):
        gallery.markdown("b" * 1000)
    assert repr(gallery) == "<Gallery 0>", "no picture is told in so many words"
    assert gallery.markdown(f") ![c]({B}) ![") == [Media("image", B)]
    assert repr(gallery) == "<Gallery 1 holding=2>"
