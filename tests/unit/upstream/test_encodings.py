"""Bodies that came packed."""

from __future__ import annotations

import gzip
import zlib

import pytest

from tidegate.upstream.encodings import Undecodable, decoded
from tidegate.upstream.outcomes import MAX_ANSWER


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", " GZip "])
def test_gzip_is_unpacked_however_it_is_called(encoding: str) -> None:
    assert decoded(gzip.compress(b"{}"), encoding) == b"{}"


@pytest.mark.parametrize("bits", [zlib.MAX_WBITS, -zlib.MAX_WBITS], ids=["framed", "bare"])
def test_deflate_is_unpacked_with_its_frame_and_without(bits: int) -> None:
    packer = zlib.compressobj(wbits=bits)
    assert decoded(packer.compress(b"{}") + packer.flush(), "deflate") == b"{}"


@pytest.mark.parametrize("encoding", ["identity", "br", ""])
def test_what_is_not_known_is_left_as_it_is(encoding: str) -> None:
    assert decoded(b"?", encoding) == b"?"


def test_a_bomb_is_unpacked_to_the_first_byte_too_many() -> None:
    bomb = gzip.compress(b" " * 5_000_000)
    for packed in (gzip.compress(b" " * (MAX_ANSWER + 1)), bomb, bomb[:-100] + b"\xff" * 100):
        with pytest.raises(Undecodable, match="longer"):
            decoded(packed, "gzip")
    assert len(decoded(gzip.compress(b" " * MAX_ANSWER), "gzip")) == MAX_ANSWER


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        pytest.param(b"", "ends too early", id="nothing"),
        pytest.param(b"{}", "not what its head says", id="what is not packed"),
        pytest.param(gzip.compress(b"{}")[:-1], "ends too early", id="all but a byte"),
    ],
)
def test_what_is_not_whole_is_told(body: bytes, fault: str) -> None:
    with pytest.raises(Undecodable, match=fault):
        decoded(body, "gzip")
