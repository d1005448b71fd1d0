"""A set of recipients that costs little."""

from __future__ import annotations

import hashlib

from tidegate.campaigns.digests import Digests


def digest(number: int) -> bytes:
    return hashlib.blake2b(str(number).encode(), digest_size=16).digest()


def test_what_was_taken_in_is_in_and_nothing_else() -> None:
    known = Digests()
    assert all(known.add(digest(number)) for number in range(20_000))
    assert not any(known.add(digest(number)) for number in range(20_000))
    assert len(known) == 20_000
    assert all(digest(number) in known for number in range(20_000))
    assert not any(digest(number) in known for number in range(20_000, 40_000))


def test_those_that_begin_alike_are_told_apart() -> None:
    """They would all stand in the same place of the same table."""
    known = Digests()
    alike = [bytes(14) + number.to_bytes(2, "big") for number in range(1, 300)]
    assert all(known.add(one) for one in alike)
    assert all(one in known for one in alike)


def test_a_million_take_no_more_than_40_mb() -> None:
    # A table's share of them, and five standard deviations more.
    known, share = Digests(), 1_000_000 // 256 + 5 * 63
    before = known.size
    for number in range(share):
        known.add(b"\0" + digest(number)[1:])
    assert (known.size - before + before // 256) * 256 < 40_000_000
