"""Status webhooks applied to their messages, the places that these hold, and the counts of what became of sends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, Literal

import orjson
from msgspec import Struct

from tidegate.journal import Journal
from tidegate.policy.warning_counts import KEEP_MS
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient, script

#: Longer than Meta repeats a webhook (7 days), so that a repeated one still finds its message.
REMEMBER_MS: Final = 8 * 86_400_000

_VALUES: Final = 8
_UNKNOWN, _UNWRITTEN, _CHANGED = -1, -2, 1


class Status(Struct, frozen=True, gc=False):
    """One status webhook. `says`: what it proves of the place: counts (delivered), frees (never), keeps (nothing)."""

    portfolio: str
    message_id: str
    status: str
    at_ms: int
    cause: str
    says: Literal["counts", "frees", "keeps"]
    wamid: str
    """The name under which the message is found by Meta's id."""
    sealed: str = ""
    """Name and id as they are stored; empty: not made yet, for they are seldom needed."""
    billed_micros: int = -1
    """What Meta bills for it, where the status tells; -1: it does not."""
    counters: str = ""
    """What it counts as, as the script reads it (`outcomes.counters_of`)."""


class Refreshed(Struct, frozen=True, gc=False):
    """What a status did: `known` message, `changed` state, `freed` a place.

    Of a message whose state changed, or was this one `before` already: its state before, what the gateway noted of it
    (`about`: app, number, category ...), the 16 bytes of its recipient, and when it was admitted (ms). Of a delivery
    that is told after something later all of that but the state `before`.
    """

    known: bool
    changed: bool
    freed: bool
    before: str = ""
    noted: bytes = b""
    recipient: bytes = b""
    admitted_at_ms: int = 0
    has_counts: bool = False
    """Of a delivery that changed the state: whether one of the user's counts that it begins anew is not empty."""
    user: bytes = b""
    """Of such a one too: the record of the user, empty where nothing is known of them."""
    unwritten: bool = False
    """Nothing was done: the message does not know Meta's id yet, so that it has to come with the status, sealed."""

    @property
    def about(self) -> Mapping[str, str]:
        """What was noted of the message."""
        noted: dict[str, str] = orjson.loads(self.noted) if self.noted else {}
        return noted


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
        self._client = client
        self._keys = {portfolio: PortfolioKeys(portfolio) for portfolio in portfolios}
        self._ranks = " ".join(f"{state}={rank}" for state, rank in ranks.items())
        self._one_slot = one_slot
        self._journal = journal

    async def apply(self, statuses: Sequence[Status], anew: str = "") -> list[Refreshed]:
        """What each did. `anew`: the beginnings of the names of users' counts that a delivery begins anew, divided by
        spaces: only whether there are such counts is told here.
        """
        for status in statuses:
            if status.says == "counts":
                self._journal.delivered(status.portfolio, status.message_id, status.at_ms)
            elif status.says == "frees":
                self._journal.freed(status.portfolio, status.message_id)
        if not self._one_slot or len({status.portfolio for status in statuses}) <= 1:
            return await self._call(statuses, anew)
        parts: dict[str, list[int]] = {}
        for index, status in enumerate(statuses):
            parts.setdefault(status.portfolio, []).append(index)
        found: dict[int, Refreshed] = {}
        for places in parts.values():
            answers = await self._call([statuses[place] for place in places], anew)
            found.update(zip(places, answers, strict=True))
        return [found[index] for index in range(len(statuses))]

    async def _call(self, statuses: Sequence[Status], anew: str) -> list[Refreshed]:
        blocks: dict[str, int] = {}
        keys: list[bytes | str] = []
        kinds: dict[tuple[str | int, ...], int] = {}
        told: list[Any] = []
        for s in statuses:
            block = blocks.get(s.portfolio)
            if block is None:
                block = blocks[s.portfolio] = len(blocks)
                keys += self._keys[s.portfolio].all
            kind = (block, s.status, s.cause, s.says, s.counters, s.billed_micros)
            told += (s.message_id, kinds.setdefault(kind, len(kinds) + 1), s.at_ms, s.sealed or s.wamid)
        args: list[Any] = [REMEMBER_MS, KEEP_MS, self._ranks, anew, len(kinds)]
        for said in kinds:
            args += said
        answer = await script("refresh").repeatable(self._client, keys, args + told)
        values = islice(answer, 1, None)
        return [_refreshed(*one) for one in zip(*[values] * _VALUES, strict=True)]


def _refreshed(
    changed: int, freed: int, before: bytes, noted: bytes, recipient: bytes, at_ms: int, counts: int, user: bytes
) -> Refreshed:
    if changed < 0:
        return Refreshed(changed != _UNKNOWN, False, False, unwritten=changed == _UNWRITTEN)
    return Refreshed(True, changed == _CHANGED, freed == 1, before.decode(), noted, recipient, at_ms, counts == 1, user)
