"""How alike two texts are, in any script."""

import pytest

from luna.conversation.similarity import likeness, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The file, the FILE: 42 lines", {"the", "file", "lines"}),
        ("<thinking>no</thinking>Yes <b>it</b> is <task>x</task>", {"yes", "it", "is"}),
        ("Tiếng Việt", {"tiếng", "việt"}),
        ("Cảm ơn bạn", {"cảm", "ơn", "bạn"}),
        ("Привет, МИР", {"привет", "мир"}),
        ("ＡＢＣ", {"abc"}),
        ("你好世界", {"你好", "好世", "世界"}),
        ("看 README", {"看", "readme"}),
        ("สวัสดี", {"สว", "วส", "สด"}),
        ("हिन्दी में", {"हनद", "म"}),
        ("مَرْحَبًا بك", {"مرحبا", "بك"}),
        ("!!!", {"!!!"}),
        ("", {""}),
    ],
)
def test_words(text: str, expected: set[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("I read the file a.py.", "I read the file a.py!", True),
        ("Tôi đã đọc tệp a.py và sửa lỗi.", "Tôi đã đọc tệp a.py và sửa lỗi", True),
        ("Tôi đã đọc tệp cấu hình.", "Hôm nay trời đẹp quá.", False),
        ("我已经读了这个文件，并修复了错误。", "我已经读了这个文件并修复了错误", True),
        ("我已经读了这个文件。", "今天天气很好。", False),
        ("Я прочитал файл", "Сегодня хорошая погода", False),
        ("ファイルを読みました。", "ファイルを読みました", True),
        ("👍👍", "👍👍", True),
        ("👍👍", "🎉", False),
    ],
)
def test_near_equal_texts_are_alike_whatever_they_are_written_in(one: str, other: str, alike: bool) -> None:
    assert (likeness(words(one), words(other)) >= 0.85) is alike


def test_likeness_is_the_share_of_common_words_and_the_shortcut_does_not_change_it() -> None:
    one, other = frozenset("abcd"), frozenset("abce")
    assert likeness(one, other) == likeness(other, one) == 3 / 5
    assert likeness(one, other, 0.6) == 3 / 5
    assert likeness(frozenset("ab"), frozenset("abcd"), 0.6) == 0
    assert likeness(frozenset("ab"), frozenset("abcd")) == 0.5
    assert likeness(frozenset(), one) == 0
