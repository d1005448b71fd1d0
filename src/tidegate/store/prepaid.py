"""Places leased to a node in advance: what it may fill on its own while the store is away."""

from __future__ import annotations

from typing import Final, NamedTuple

from tidegate.policy.offline import AWAY_MS
from tidegate.store.faults import store_faults
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient, script

#: A moving day and an hour: who was written to on the last of them, by a node that tells nobody, counts for so long.
COUNTED_MS: Final = 25 * 3_600_000
#: After the places were called back, none is leased for so long.
REST_MS: Final = 600_000
_SAME_RECALL_MS: Final = 1_000


class Lease(NamedTuple):
    """Places that a node has, how many all nodes have together, and until when it may fill its own (ms)."""

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
        return await self._prepay(portfolio, self._node, places, most, limit_places)

    async def release(self, portfolio: str, node: str) -> None:
        """Give back what a node had that sends no more, and of which all is told that it sent."""
        await self._prepay(portfolio, node, 0, 0, 0)

    async def recall(self, portfolio: str) -> None:
        """Ask all nodes, this one as well, to give their places back."""
        await script("call_back").repeatable(self._client, PortfolioKeys(portfolio).all, [_SAME_RECALL_MS])

    async def epoch(self, portfolio: str) -> int:
        """The epoch of the standing: another one when places were called back, or the limit or the rules changed."""
        with store_faults:
            found = await self._client.hmget(PortfolioKeys(portfolio).ledger, ["epoch"])
        return int(found[0] or 0)

    async def _prepay(self, portfolio: str, node: str, places: int, most: int, limit_places: int) -> Lease:
        args: list[str | int] = [node, places, most, limit_places, AWAY_MS, COUNTED_MS, REST_MS]
        answer = await script("prepay").repeatable(self._client, PortfolioKeys(portfolio).all, args)
        return Lease(answer[0], answer[1], answer[2], answer[3])
