"""The waits of login codes, by share."""

from __future__ import annotations

import pytest

from loadtest.waits import Waits


@pytest.mark.parametrize(
    ("share", "wait_ms"), [(0.5, 50), (0.99, 99), (0.991, 100), (1, 100)], ids=["half", "99 %", "a bit more", "all"]
)
def test_a_share_of_a_hundred_codes_waited_no_longer(share: float, wait_ms: int) -> None:
    assert Waits(list(range(100, 0, -1))).within_ms(share) == wait_ms


def test_where_no_code_was_sent_none_waited() -> None:
    assert (Waits().within_ms(0.99), Waits().sent) == (0, 0)
