"""Places leased to a node in advance: what it may fill on its own while the store is away."""

from __future__ import annotations

from typing import Final, NamedTuple

from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient, script

#: A moving day and an hour: the places that a node may have filled without telling anybody count for no longer.
LEASE_MS: Final = 25 * 3_600_000
#: After the places were called back, none is leased for so long.
REST_MS: Final = 600_000


class Lease(NamedTuple):
    """Places that a node has, until when (ms), and how many all nodes have together."""

    now_ms: int
    places: int
    of_all: int
    until_ms: int


class Prepaid:
    """The leases of one node. Every method raises StoreUnavailable."""

    def __init__(self, client: StoreClient, node: str) -> None:
        self._client = client
        self._node = node

    async def lease(self, portfolio: str, places: int, most: int, limit_places: int) -> Lease:
        """Have `places` from now on, or as many as there are; what the node had before it has no longer.

        `most`: of all nodes together. `limit_places`: that may be used at all, -1 for no limit.
        """
        return await self._prepay(portfolio, places, most, limit_places, recall=False)

    async def recall(self, portfolio: str) -> None:
        """Ask all nodes to give their places back, and give this one's back at once."""
        await self._prepay(portfolio, 0, 0, 0, recall=True)

    async def _prepay(self, portfolio: str, places: int, most: int, limit_places: int, *, recall: bool) -> Lease:
        args: list[str | int] = [self._node, places, most, limit_places, LEASE_MS, int(recall), REST_MS]
        answer = await script("prepay").repeatable(self._client, PortfolioKeys(portfolio).all, args)
        return Lease(answer[0], answer[1], answer[2], answer[3])
