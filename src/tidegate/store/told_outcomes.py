"""What was told of sends, carried over to the scopes and figures that it is counted in: who reads these begins so."""

from __future__ import annotations

from typing import Final

from tidegate.policy.warning_counts import KEEP_MS
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient, script

#: Counts that one call carries over: the store does nothing else meanwhile.
_PAGE: Final = 128
#: More calls than it ever takes: what is told meanwhile may wait for the next reader.
_MOST: Final = 16


async def carry_over(client: StoreClient, keys: PortfolioKeys) -> None:
    """Have all that was told so far counted where it is read. Raises StoreUnavailable."""
    for _ in range(_MOST):
        if not await script("sum_outcomes").repeatable(client, keys.all, [KEEP_MS, _PAGE]):
            return
