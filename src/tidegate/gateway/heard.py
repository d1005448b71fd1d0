"""What the store has said of one portfolio, as far as it matters once the store is away."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from tidegate.policy.facts import Facts

_MOST_PAIRS: Final = 10_000

#: A number, and the 16 bytes that stand for its user.
Pair = tuple[str, bytes]


class Heard:
    """When the store was there last, and which windows it knows of.

    `users`: by pair, when the user wrote last, as webhooks tell.
    """

    __slots__ = ("asked_ms", "told_ms", "users", "windows")

    def __init__(self, users: Mapping[Pair, int]) -> None:
        #: When it was asked last and answered (this node's time); None: not yet.
        self.asked_ms: float | None = None
        #: What it said then of its own time.
        self.told_ms = 0
        self.users: Final = users
        #: By pair: when it was asked last, and until when it said that the window is open (ms).
        self.windows: Final[OrderedDict[Pair, tuple[int, int]]] = OrderedDict()

    def of_window(self, pair: Pair, facts: Facts) -> None:
        """What it saw of a send to this pair. Where nobody said that there is a window, nothing has to be denied."""
        if facts.repeated or not (facts.taken or _has_looked(facts)):
            return  # It did not look at the window.
        windows = self.windows
        windows[pair] = facts.now_ms, facts.window_ends_ms
        windows.move_to_end(pair)
        if len(windows) > _MOST_PAIRS:
            windows.popitem(last=False)


def _has_looked(facts: Facts) -> bool:
    """Whether what was not taken was looked at as far as the window."""
    return not (facts.stale or facts.gone or facts.expired or facts.other_user or facts.outdated or facts.unclaimed)
