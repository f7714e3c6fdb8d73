import pytest

from uploads.filenames import display_name


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("moon.png", "moon.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\alice\\moon.png", "moon.png"),
        ("a\0.png", "a.png"),
        ("a\r\nSet-Cookie: x.png", "aSet-Cookie: x.png"),
        ("\u202egnp.exe", "gnp.exe"),
        ("e\u0301.txt", "\u00e9.txt"),
        ("..", "file"),
        ("", "file"),
        ("\u200b", "file"),
        (" .hidden ", "hidden"),
        (". moon.png . .", "moon.png"),
        ("Grüße 世界.pdf", "Grüße 世界.pdf"),
    ],
)
def test_a_name_is_shown_without_folders_and_hidden_characters(raw: str, shown: str) -> None:
    assert display_name(raw) == shown


def test_a_long_name_keeps_its_ending() -> None:
    shown = display_name("x" * 300 + ".png")

    assert len(shown) == 255
    assert shown.endswith(".png")
