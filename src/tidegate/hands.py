"""What this node has in hand of the queue: claimed, and not done with."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from typing import Final, Generic, TypeVar

from tidegate.cloudapi.vocabulary import Category

Item = TypeVar("Item")

#: So many claimed messages of a node may be submitted and not started at once, those that wait for their turn not
#: counted. An admitted send starts within 200 ms of its asking, or not at all: were all that is due submitted together,
#: most of it would ask, come too late, go back to the queue and ask again.
MOST_INSIDE: Final = 96
#: So many with those that are claimed and not submitted yet: whoever starts is followed by another without a claim
#: in between.
MOST_ON_THE_WAY: Final = 256
#: Of one number, what it may send within this span waits for its turn here, the rest in the queue.
_IN_LINE_MS: Final = 500
#: In one claim: what a number takes at once, or nearly (its slack), so that claims go round all numbers.
_AT_ONCE_MS: Final = 10
_LEAST_AT_ONCE: Final = 2
_LEAST_IN_HAND: Final = 8
_MOST_IN_HAND: Final = 512
#: The urgent may always have some more in hand: a campaign's claims are no reason for them to wait.
MORE_FOR: Final[Mapping[Category, int]] = {
    category: _LEAST_IN_HAND * (len(Category) - 1 - category.priority) for category in Category
}


class Hands:
    """Counts what is in hand, and says how much more may be claimed."""

    def __init__(self) -> None:
        #: How many are submitted and not started, those that wait for their turn not counted.
        self.inside = 0
        #: How many are claimed and not started, but for those.
        self.on_the_way = 0
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
        left = min(share, MOST_ON_THE_WAY - self.on_the_way)
        return {category: max(0, left + more) for category, more in MORE_FOR.items()}

    def most(self, number: str, throughput: int) -> int:
        """How many more of a number's messages may be claimed now, also below 0; of the urgent `MORE_FOR` more."""
        at_once = max(_LEAST_AT_ONCE, throughput * _AT_ONCE_MS // 1_000)
        in_line = max(_LEAST_IN_HAND, throughput * _IN_LINE_MS // 1_000) - self._in_line[number]
        in_hand = min(max(throughput, _LEAST_IN_HAND), _MOST_IN_HAND) - self._in_hand[number]
        return min(at_once, in_line, in_hand)

    def reserve(self, portfolio: str, messages: int) -> None:
        """So many are being claimed; negative: that has ended."""
        self.on_the_way += messages
        self._on_the_way[portfolio] += messages
        if not self._on_the_way[portfolio]:
            del self._on_the_way[portfolio]

    def take(self, portfolio: str, number: str, message_id: str) -> None:
        """It was claimed."""
        self._in_hand[number] += 1
        self._in_line[number] += 1
        self._walking[message_id] = portfolio
        self._unstarted[message_id] = number
        self.reserve(portfolio, 1)

    def enter(self) -> None:
        """One of them is submitted."""
        self.inside += 1

    def rest(self, message_id: str) -> None:
        """It waits for its turn."""
        portfolio = self._walking.pop(message_id, None)
        if portfolio is not None:
            self.inside -= 1
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


class Anteroom(Generic[Item]):
    """What is claimed and not submitted yet: the most urgent goes in first, and now and then the least urgent."""

    def __init__(self, floor_every: int) -> None:
        self._lines: dict[Category, deque[Item]] = {
            category: deque() for category in sorted(Category, key=lambda category: category.priority)
        }
        self._floor_every = floor_every
        self._turns = 0

    def put(self, category: Category, item: Item) -> None:
        """It waits behind those of its category."""
        self._lines[category].append(item)

    def next(self) -> Item | None:
        """Who goes in; None: nobody waits."""
        waiting = [line for line in self._lines.values() if line]
        if not waiting:
            return None
        self._turns += 1
        return waiting[-1 if self._turns % self._floor_every == 0 else 0].popleft()
