"""What this node has in hand of the queue: claimed, and not done with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from tidegate.cloudapi.vocabulary import Category

#: So many claimed messages of a node may be on their way to their POST at once, those that wait for their turn or for
#: Meta not counted. An admitted send starts within 200 ms of its asking, or not at all: were all that is due submitted
#: together, most of it would ask, come too late, go back to the queue and ask again.
MOST_ON_THE_WAY: Final = 96
#: Of one number, what it may send within this span waits for its turn here, the rest in the queue.
_IN_LINE_MS: Final = 500
#: In one claim: what a number takes at once, or nearly (its slack), so that claims go round all numbers.
_AT_ONCE_MS: Final = 10
_LEAST_AT_ONCE: Final = 2
_LEAST_IN_HAND: Final = 8
_MOST_IN_HAND: Final = 512
#: The urgent may always have some more in hand: a campaign's claims are no reason for them to wait.
_MORE_FOR: Final[Mapping[Category, int]] = {
    category: _LEAST_IN_HAND * (len(Category) - 1 - category.priority) for category in Category
}


class Hands:
    """Counts what is in hand, and says how much more may be claimed."""

    def __init__(self) -> None:
        #: Of each portfolio: claimed and on its way to its POST; of those that have none, nothing.
        self._on_the_way: Counter[str] = Counter()
        self._in_hand: Counter[str] = Counter()
        self._in_line: Counter[str] = Counter()
        #: Portfolio and number of each message until it waits, and until it starts.
        self._walking: dict[str, str] = {}
        self._unstarted: dict[str, str] = {}
        #: Portfolios that have more than may be claimed now, who waits longest first.
        self.hungry: dict[str, None] = {}

    def room(self, portfolio: str) -> dict[Category, int]:
        """How many more of a portfolio's messages may be claimed in all, by the category of the last."""
        busy = len(self._on_the_way.keys() | self.hungry.keys() | {portfolio})
        share = max(1, MOST_ON_THE_WAY // busy) - self._on_the_way[portfolio]
        left = min(share, MOST_ON_THE_WAY - self._on_the_way.total())
        return {category: max(0, left + more) for category, more in _MORE_FOR.items()}

    def most(self, number: str, category: Category, throughput: int) -> int:
        """How many more of a number's messages may be claimed now."""
        at_once = max(_LEAST_AT_ONCE, throughput * _AT_ONCE_MS // 1_000)
        in_line = max(_LEAST_IN_HAND, throughput * _IN_LINE_MS // 1_000) - self._in_line[number]
        in_hand = min(max(throughput, _LEAST_IN_HAND), _MOST_IN_HAND) - self._in_hand[number]
        return max(0, min(at_once, in_line, in_hand) + _MORE_FOR[category])

    def reserve(self, portfolio: str, messages: int) -> None:
        """So many are being claimed; negative: that has ended."""
        self._on_the_way[portfolio] += messages
        if not self._on_the_way[portfolio]:
            del self._on_the_way[portfolio]

    def take(self, portfolio: str, number: str, message_id: str) -> None:
        """It was claimed."""
        self._in_hand[number] += 1
        self._in_line[number] += 1
        self._walking[message_id] = portfolio
        self._unstarted[message_id] = number
        self._on_the_way[portfolio] += 1

    def rest(self, message_id: str) -> None:
        """It waits for its turn."""
        portfolio = self._walking.pop(message_id, None)
        if portfolio is not None:
            self.reserve(portfolio, -1)

    def start(self, message_id: str) -> None:
        """Its POST starts."""
        self.rest(message_id)
        number = self._unstarted.pop(message_id, None)
        if number is not None:
            self._in_line[number] -= 1

    def end(self, number: str, message_id: str) -> None:
        """It is done with."""
        self.start(message_id)
        self._in_hand[number] -= 1
