"""Status webhooks applied to their messages, the places that these hold, and the counts of what became of sends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Literal

import orjson
from msgspec import Struct

from tidegate.errors import StoreUnavailable
from tidegate.journal import Journal
from tidegate.policy.warning_counts import KEEP_MS
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient, script
from tidegate.store.trip import Asked, Trip

#: Longer than Meta repeats a webhook (7 days), so that a repeated one still finds its message.
REMEMBER_MS: Final = 8 * 86_400_000

#: What became of a status, by its `code`; none of these: it changed nothing.
CHANGED, UNKNOWN, UNWRITTEN = 1, -1, -2


class Kind(Struct, frozen=True, gc=False, cache_hash=True):
    """What statuses of one call may have in common, told to the store once: what they say, of what time (Meta's).

    `says`: what it proves of the place: counts (delivered), frees (never), keeps (nothing).
    """

    portfolio: str
    status: str
    cause: str
    says: Literal["counts", "frees", "keeps"]
    at_ms: int
    counters: str = ""
    """What it counts as, as the script reads it (`outcomes.counters_of`)."""
    billed_micros: int = -1
    """What Meta bills for it, where the status tells; -1: it does not."""
    anew: str = ""
    """The beginnings of the names of users' counts that a delivery begins anew, divided by spaces: only whether there
    are such counts is told here."""
    asks: bool = True
    """Whether what is noted of its message is asked for, though nothing may follow from it by what the store knows."""


class Status(Struct, frozen=True, gc=False):
    """One status webhook."""

    kind: Kind
    message_id: str
    wamid: str
    """The name under which the message is found by Meta's id."""
    sealed: str = ""
    """Name and id as they are stored; empty: not made yet, for they are seldom needed."""


class Refreshed(Struct, frozen=True, gc=False):
    """What a status did, as the script answers it: `known` message, `changed` state, `freed` a place.

    Of a message whose state changed, or was this one `before` already: its state before, what the gateway noted of it
    (`about`: app, number, category ...), and the 16 bytes of its recipient. Of a delivery that is told after something
    later all of that but the state `before`. Nothing of all that but the code where nothing may follow.
    """

    code: int
    freed: int = 0
    before: bytes = b""
    noted: bytes = b""
    recipient: bytes = b""
    has_counts: int = 0
    """Of a delivery that changed the state: whether one of the user's counts that it begins anew is not empty."""
    user: bytes = b""
    """Of such a one too: the record of the user, empty where nothing is known of them."""

    @property
    def known(self) -> bool:
        """Whether there is such a message."""
        return self.code != UNKNOWN

    @property
    def unwritten(self) -> bool:
        """Nothing was done: the message does not know Meta's id yet, so that it has to come with the status, sealed."""
        return self.code == UNWRITTEN

    @property
    def changed(self) -> bool:
        """Whether its state did."""
        return self.code == CHANGED

    @property
    def about(self) -> Mapping[str, str]:
        """What was noted of the message."""
        noted: dict[str, str] = orjson.loads(self.noted) if self.noted else {}
        return noted


#: What most did: a message is in another state, and nothing follows from it.
MOVED: Final = Refreshed(CHANGED)


class Statuses:
    """Applies statuses, many in one call, in their order. Raises StoreUnavailable."""

    def __init__(
        self,
        client: StoreClient,
        portfolios: Iterable[str],
        ranks: Mapping[str, int],
        *,
        one_slot: bool,
        journal: Journal,
    ) -> None:
        """`ranks` orders the states of a message. `one_slot`: a call may not span portfolios (a cluster)."""
        self._keys = {portfolio: PortfolioKeys(portfolio) for portfolio in portfolios}
        self._ranks = " ".join(f"{state}={rank}" for state, rank in ranks.items())
        self._one_slot = one_slot
        self._journal = journal
        self._calls: Trip[Status, Refreshed] = Trip(client, script("refresh"), self._asked, _read)

    async def apply(self, statuses: Sequence[Status], fault: StoreUnavailable | None = None) -> list[Refreshed]:
        """What each did. `fault`: how a first try ended, where there was one."""
        self._note(statuses)
        if not self._one_slot:
            return await self._calls(list(statuses), fault)
        parts: dict[str, list[int]] = {}
        for index, status in enumerate(statuses):
            parts.setdefault(status.kind.portfolio, []).append(index)
        found: dict[int, Refreshed] = {}
        for places in parts.values():
            answers = await self._calls([statuses[place] for place in places], fault)
            found.update(zip(places, answers, strict=True))
        return [found[index] for index in range(len(statuses))]

    def begin(self, statuses: Sequence[Status], told: Callable[[list[Refreshed] | Exception], None]) -> bool:
        """The same in this step, where that takes no waiting: `told` is called with what each did, or with the fault.
        False: nothing was asked, and `told` is let go.
        """
        if self._one_slot and len({status.kind.portfolio for status in statuses}) > 1:
            return False
        self._note(statuses)
        asked = list(statuses)
        keys, args = self._calls.ask(asked)
        return self._calls.begin(keys, args, partial(self._tell, told, asked))

    def _note(self, statuses: Sequence[Status]) -> None:
        delivered, freed = self._journal.delivered, self._journal.freed
        for status in statuses:
            kind = status.kind
            if kind.says == "counts":
                delivered(kind.portfolio, status.message_id, kind.at_ms)
            elif kind.says == "frees":
                freed(kind.portfolio, status.message_id)

    def _asked(self, statuses: list[Status]) -> Asked:
        blocks: dict[str, int] = {}
        keys: list[bytes] = []
        kinds: dict[Kind, int] = {}
        which = bytes([kinds.setdefault(status.kind, len(kinds) + 1) for status in statuses])
        anew = " ".join({kind.anew: None for kind in kinds})
        args: list[Any] = [REMEMBER_MS, KEEP_MS, self._ranks, anew, which, len(kinds)]
        for kind in kinds:
            block = blocks.get(kind.portfolio)
            if block is None:
                block = blocks[kind.portfolio] = len(blocks)
                keys += self._keys[kind.portfolio].all
            asks = "1" if kind.asks else ""
            args += (block, kind.status, kind.cause, kind.says, kind.counters, kind.billed_micros, kind.at_ms, asks)
        for status in statuses:
            args += (status.message_id, status.sealed or status.wamid)
        return keys, args

    def _tell(self, told: Callable[[list[Refreshed] | Exception], None], statuses: list[Status], answer: Any) -> None:
        refreshed: list[Refreshed] | Exception
        if isinstance(answer, Exception):
            refreshed = self._calls.raised(answer)
        else:
            try:
                refreshed = _read(statuses, answer)
            except Exception as fault:
                refreshed = fault
        told(refreshed)


def _read(statuses: list[Status], answer: list[Any]) -> list[Refreshed]:
    refreshed = [
        MOVED if one == CHANGED else Refreshed(one) if type(one) is int else Refreshed(*one) for one in answer[1:]
    ]
    if len(refreshed) != len(statuses):
        raise ValueError(f"{len(refreshed)} answers to {len(statuses)} statuses")
    return refreshed
