"""Requests by their Idempotency-Key: the claim of the first one, and its answer for all that repeat it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from msgspec import Struct

from tidegate.policy.lifecycle import State
from tidegate.store.batch import Shards
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient, script
from tidegate.store.sealing import BrokenSeal, Seal
from tidegate.store.statuses import REMEMBER_MS
from tidegate.store.trip import Trip

KEPT_MS: Final = 86_400_000
#: Nobody waits for an answer that is kept in passing: those of so long go together.
_KEPT_TOGETHER_S: Final = 0.005
#: Begins what an answer is bound to: the name that was claimed.
_BOUND_TO: Final = "idempotency:"


class Entry(Struct, frozen=True, gc=False):
    """One request: `name` is what it claims, a portfolio's own ("<app>:<what stands for the app's key>"), `fingerprint`
    stands for what was asked with it (hex; "" where the key tells all).

    `kept_ms`: for how long it is remembered, from its claim on.
    """

    portfolio: str
    name: str
    fingerprint: str
    message_id: str
    kept_ms: int = KEPT_MS


@dataclass(frozen=True, slots=True)
class Mine:
    """The claim is this request's: carry it out."""


@dataclass(frozen=True, slots=True)
class Running:
    """Another request with the key has not been answered, `age_ms` after it began."""

    message_id: str
    age_ms: int


@dataclass(frozen=True, slots=True)
class Done:
    """The first request's answer, and the id of its message."""

    answer: bytes = field(repr=False)
    message_id: str


@dataclass(frozen=True, slots=True)
class Other:
    """The key was used for a request that asked for something else."""


_MINE: Final = Mine()


class _Question(NamedTuple):
    entry: Entry
    verb: str
    more: bytes


class _Told(NamedTuple):
    now_ms: int
    word: bytes
    message_id: str
    more: Any


class Idempotency:
    """Claims are remembered by the store's time. Every method may be repeated, and raises StoreUnavailable."""

    def __init__(self, client: StoreClient, portfolios: Iterable[str], seal: Seal, *, one_slot: bool) -> None:
        """`seal` encrypts the answers: they name recipients. `one_slot`: a call may not span portfolios (a cluster)."""
        self._client = client
        self._keys = {portfolio: PortfolioKeys(portfolio) for portfolio in portfolios}
        self._seal = seal
        trips: Trip[_Question, _Told] = Trip(client, script("recall"), self._asked, _read)
        self._questions = Shards(trips, one_slot)
        self._answers = Shards(trips, one_slot, _KEPT_TOGETHER_S)

    async def claim(self, entry: Entry, *, instead_of: str = "") -> Mine | Running | Done | Other:
        """Claim the key, or say what its first request came to.

        `instead_of`: the message id of a running request that is known never to end; its claim is taken over.
        """
        told = await self._questions[entry.portfolio].put(_Question(entry, "claim", instead_of.encode()))
        match told.word:
            case b"mine":
                return _MINE
            case b"running":
                return Running(told.message_id, told.now_ms - told.more)
            case b"done":
                return await self._done(entry, told.message_id, told.more)
            case _:
                return Other()

    async def keep(self, entry: Entry, answer: bytes) -> None:
        """Keep the answer of the request that holds the claim."""
        await self._questions[entry.portfolio].put(self._kept(entry, answer))

    def keeping(self, entry: Entry, answer: bytes) -> asyncio.Future[_Told]:
        """The same, in passing: done when it is kept."""
        return self._answers[entry.portfolio].put(self._kept(entry, answer))

    def _kept(self, entry: Entry, answer: bytes) -> _Question:
        sealed = self._seal.close(_BOUND_TO + entry.name, answer, self._seal.now_ms() + entry.kept_ms)
        return _Question(entry, "keep", sealed)

    def with_answer(self, entry: Entry, since_ms: int, answer: bytes) -> bytes:
        """What a claim that began then is once it has its answer: the text that is stored (lua/_once.lua).

        Raises StoreUnavailable where there is no key for it.
        """
        sealed = self._seal.close(_BOUND_TO + entry.name, answer, since_ms + entry.kept_ms)
        return f"{since_ms} {entry.message_id} {entry.fingerprint}\n".encode() + sealed

    async def free(self, entry: Entry) -> None:
        """Give the claim back: the next request with this key begins anew."""
        await self._questions[entry.portfolio].put(_Question(entry, "free", b""))

    async def bury(self, portfolio: str, message_id: str) -> State | None:
        """See to it that a message of which nothing is known is never begun; what it is where it was begun already.

        Whoever stands in for a request that seems to have ended asks this first: its call may come after all.
        """
        args: list[str | bytes | int] = [message_id, "its request ended before it was begun", REMEMBER_MS]
        answer = await script("bury").repeatable(self._client, self._keys[portfolio].all, args)
        return State(answer.decode()) if answer else None

    def fingerprint(self, told: bytes) -> str:
        """A name (hex) for what was asked, which nobody can make who has not the key."""
        return self._seal.name(told)

    def _asked(self, questions: list[_Question]) -> tuple[list[bytes], list[Any]]:
        keys = [self._keys[questions[0].entry.portfolio].clock.encode()]
        args: list[Any] = []
        for entry, verb, more in questions:
            keys.append(self._keys[entry.portfolio].once(entry.name).encode())
            args += (verb, entry.fingerprint, entry.message_id, entry.kept_ms, more)
        return keys, args

    async def _done(self, entry: Entry, message_id: str, sealed: bytes) -> Done | Other:
        try:
            return Done(await self._seal.open(_BOUND_TO + entry.name, sealed), message_id)
        except BrokenSeal:
            # Its key was destroyed, or is not known here. It was answered: doing it again would be the worse mistake.
            return Other()


def _read(questions: list[_Question], answer: list[Any]) -> list[_Told]:
    now_ms, told = answer[0], iter(answer[1:])
    return [_Told(now_ms, word, id_.decode(), more) for word, id_, more in zip(told, told, told, strict=True)]
