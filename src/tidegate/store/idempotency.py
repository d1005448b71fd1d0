"""Requests by their Idempotency-Key: the claim of the first one, and its answer for all that repeat it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient, script
from tidegate.store.sealing import BrokenSeal, Seal

KEPT_MS: Final = 86_400_000


class Entry(NamedTuple):
    """One request: `digest` stands for the app's key (hex), `fingerprint` for what was asked with it (hex)."""

    portfolio: str
    app: str
    digest: str
    fingerprint: str
    message_id: str


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
    """The first request's answer."""

    answer: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Other:
    """The key was used for a request that asked for something else."""


class Idempotency:
    """Keys are remembered for 24 h of the store's time. Every method raises StoreUnavailable."""

    def __init__(self, client: StoreClient, portfolios: Iterable[str], seal: Seal) -> None:
        """`seal` encrypts the answers: they name recipients."""
        self._client = client
        self._keys = {portfolio: PortfolioKeys(portfolio) for portfolio in portfolios}
        self._seal = seal

    async def claim(self, entry: Entry, *, instead_of: str = "") -> Mine | Running | Done | Other:
        """Claim the key, or say what its first request came to.

        `instead_of`: the message id of a running request that is known never to end; its claim is taken over.
        """
        answer = await self._recall(entry, "claim", instead_of.encode())
        match answer[1]:
            case b"mine":
                return Mine()
            case b"running":
                return Running(answer[2].decode(), answer[0] - answer[3])
            case b"done":
                return self._done(entry, answer[3])
            case _:
                return Other()

    async def keep(self, entry: Entry, answer: bytes) -> None:
        """Keep the answer of the request that holds the claim."""
        await self._recall(entry, "keep", self._seal.close(_name(entry), answer))

    async def free(self, entry: Entry) -> None:
        """Give the claim back: the next request with this key begins anew."""
        await self._recall(entry, "free", b"")

    async def _recall(self, entry: Entry, verb: str, more: bytes) -> list[Any]:
        keys = self._keys[entry.portfolio]
        args: list[str | bytes | int] = [verb, entry.fingerprint, entry.message_id, KEPT_MS, more]
        answer: list[Any] = await script("recall")(
            self._client, [keys.clock, keys.idempotency(entry.app, entry.digest)], args
        )
        return answer

    def _done(self, entry: Entry, sealed: bytes) -> Done | Other:
        try:
            return Done(self._seal.open(_name(entry), sealed))
        except BrokenSeal:
            # Kept under another payload key. It was answered: doing it again would be the worse mistake.
            return Other()


def _name(entry: Entry) -> str:
    return f"idempotency:{entry.app}:{entry.digest}"
