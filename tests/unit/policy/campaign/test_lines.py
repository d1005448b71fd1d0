"""Lines out of bytes that come in pieces of any size."""

from __future__ import annotations

import pytest

from tidegate.policy.campaign import lines
from tidegate.policy.campaign.lines import LONGEST_LINE, BadAudience, Line, Lines

PIECES = [1, 2, 3, 7, 1_000_000]


def cut(data: bytes, size: int) -> list[Line]:
    """All lines of `data`, fed in pieces of `size`."""
    made = Lines()
    found = [line for at in range(0, len(data), size) for line in made.feed(data[at : at + size])]
    return found + list(made.end())


@pytest.mark.parametrize("size", PIECES)
@pytest.mark.parametrize(
    ("data", "contents"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"a", [b"a"], id="one that nothing ends"),
        pytest.param(b"a\n", [b"a"], id="one that is ended"),
        pytest.param(b"a\r\nb\n\nc", [b"a", b"b", b"", b"c"], id="LF, CRLF and an empty one"),
        pytest.param(b"\xef\xbb\xbfa\nb", [b"a", b"b"], id="a byte order mark before the first"),
        pytest.param(b"a\n\xef\xbb\xbfb", [b"a", b"\xef\xbb\xbfb"], id="one before the second is no mark"),
        pytest.param(b"a\rb\n", [b"a\rb"], id="a CR within"),
    ],
)
def test_lines_are_the_same_whatever_the_pieces(data: bytes, contents: list[bytes], size: int) -> None:
    assert cut(data, size) == [Line(number, content) for number, content in enumerate(contents, 1)]


@pytest.mark.parametrize("size", [1_000, 1_000_000])
def test_a_line_that_is_too_long_is_told_and_not_kept(size: int) -> None:
    longest, over = b"x" * LONGEST_LINE, b"x" * (LONGEST_LINE + 1)
    data = longest + b"\n" + over + b"\n" + b"y" * 300_000 + b"\nshort\n" + over
    assert cut(data, size) == [Line(1, longest), Line(2, None), Line(3, None), Line(4, b"short"), Line(5, None)]


def test_of_an_endless_line_next_to_nothing_is_kept() -> None:
    made = Lines()
    for _ in range(100):
        assert list(made.feed(b"x" * 100_000)) == []
    assert len(made._kept) <= LONGEST_LINE


@pytest.mark.parametrize("size", PIECES)
@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(b"\x1f\x8b\x08\x00and more", "gzip", id="gzip"),
        pytest.param(b"PK\x03\x04and more", "workbook", id="a zip archive, as workbooks are"),
        pytest.param("to,name\n".encode("utf-16"), "UTF-16", id="UTF-16, little end first"),
        pytest.param(b"\xfe\xff\x00t\x00o", "UTF-16", id="UTF-16, big end first"),
        pytest.param(b"\xff\xfe", "UTF-16", id="no more than its mark"),
    ],
)
def test_what_is_no_text_is_told_by_its_first_bytes(data: bytes, says: str, size: int) -> None:
    with pytest.raises(BadAudience, match=says):
        cut(data, size)


def test_there_may_be_so_many_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MOST_LINES", 3)
    assert len(cut(b"\n\n\n", 1)) == 3
    with pytest.raises(BadAudience, match="more than 3 lines"):
        cut(b"\n\n\n\n", 1)
