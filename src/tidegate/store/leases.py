"""Who of several nodes does what only one should do."""

from __future__ import annotations

from typing import Any

from tidegate.store.faults import store_faults
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient


class Leases:
    """Short-lived claims of one node on a duty. Two holders are possible for a moment: duties must bear that."""

    def __init__(self, client: StoreClient, holder: str) -> None:
        """`holder` names this node among all nodes of the store."""
        self._client = client
        self._holder = holder.encode()

    async def hold(self, portfolio: str, duty: str, ms: int) -> bool:
        """Take or keep the duty for `ms`; False while another node has it. Raises StoreUnavailable."""
        key = PortfolioKeys(portfolio).lease(duty)
        with store_faults:
            if await self._client.set(key, self._holder, nx=True, px=ms):
                return True
            held_by: Any = await self._client.get(key)
            if held_by != self._holder:
                return False
            await self._client.pexpire(key, ms)
            return True
