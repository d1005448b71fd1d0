"""When each key of an app was last used: by the hour, for whoever decides which keys may go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.store.faults import store_faults
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient


class KeyUses:
    """Reads and writes the hours. Its methods raise StoreUnavailable."""

    def __init__(self, client: StoreClient, portfolio: str) -> None:
        """`portfolio`: the one that has them, the same on every node."""
        self._client = client
        self._key = PortfolioKeys(portfolio).key_uses

    async def note(self, key_id: str, hour_ms: int) -> None:
        """A key was used in the hour that began at `hour_ms`."""
        with store_faults:
            await self._client.hset(self._key, key_id, str(hour_ms))

    async def read(self) -> dict[str, int]:
        """Id of each key that was ever used here -> start of the hour of its last use (ms)."""
        with store_faults:
            stored: Mapping[Any, Any] = await self._client.hgetall(self._key)
        return {bytes(key_id).decode(): int(hour_ms) for key_id, hour_ms in stored.items()}
