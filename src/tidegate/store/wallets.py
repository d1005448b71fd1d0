"""Wallets: what was paid in for each WABA, a part of the standing, each payment once by its reference."""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

from tidegate.policy.money import LARGEST_MICROS
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient, script

_HISTORY: Final = 100_000


class TopUp(NamedTuple):
    """What a payment did.

    `applied`: it was put in now. `amount_micros`: what its reference stands for, from the first time on; None where the
    wallet may not hold that much. `total_micros`: all that was paid in so far. `epoch`: of the standing after it.
    """

    epoch: int
    applied: bool
    amount_micros: int | None
    total_micros: int


class Wallets:
    """Writes to the wallets of all portfolios of this store."""

    def __init__(self, client: StoreClient) -> None:
        self._client = client

    async def top_up(self, portfolio: str, waba: str, reference: str, micros: int, cause: str) -> TopUp:
        """Put money in, unless this reference did before. Raises StoreUnavailable, and then it may have been put in."""
        digest = hashlib.sha256(reference.encode()).hexdigest()
        args: list[str | bytes | int] = [_HISTORY, waba, digest, micros, LARGEST_MICROS, cause]
        answer = await script("top_up").repeatable(self._client, PortfolioKeys(portfolio).all, args)
        _, epoch, done, amount, total = answer
        return TopUp(epoch, done == 1, None if done < 0 else int(amount), int(total))
