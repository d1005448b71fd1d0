"""What callers were told and what the upstream accepted have to tally."""

from __future__ import annotations

from collections import Counter

import pytest

from loadtest.bench.speed.load import Told
from loadtest.bench.speed.window import Void, at, tally


def test_a_window_tallies_when_every_request_was_sent_and_accepted_once() -> None:
    tally("node", Told(asked=3, answers=Counter(send=3)), {"accepted": 3, "repeated": 0})


@pytest.mark.parametrize(
    ("told", "upstream"),
    [
        (Told(), (0, 0)),
        (Told(asked=3, answers=Counter(send=2, queue=1)), (2, 0)),
        (Told(asked=3, answers=Counter(send=2, reject=1)), (2, 0)),
        (Told(asked=3, answers=Counter({"send": 2, "503": 1})), (2, 0)),
        (Told(asked=3, answers=Counter(send=2), lost=1), (3, 0)),
        (Told(asked=3, answers=Counter(send=3)), (2, 0)),
        (Told(asked=3, answers=Counter(send=3)), (4, 0)),
        (Told(asked=3, answers=Counter(send=3)), (3, 1)),
    ],
    ids=[
        "nothing was asked",
        "one waits in the queue",
        "one was refused",
        "one was not taken",
        "one was never answered",
        "one was told as sent, and was not",
        "one was sent that nobody was told of",
        "one was sent twice",
    ],
)
def test_a_window_is_void_when(told: Told, upstream: tuple[int, int]) -> None:
    with pytest.raises(Void):
        tally("node", told, {"accepted": upstream[0], "repeated": upstream[1]})


@pytest.mark.parametrize(
    ("values", "share", "value"),
    [([], 0.99, 0.0), ([5.0], 0.5, 5.0), ([float(n) for n in range(100, 0, -1)], 0.99, 100.0)],
    ids=["of none it is 0", "of one it is that one", "of a hundred the slowest"],
)
def test_the_value_that_a_share_does_not_exceed(values: list[float], share: float, value: float) -> None:
    assert at(values, share) == value
