"""Pictures, each once."""

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
