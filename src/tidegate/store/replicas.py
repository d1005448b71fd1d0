"""What the replicas of the store understand: a primary does not tell how old they are."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from redis.exceptions import RedisError, ResponseError

from tidegate.errors import StoreUnavailable
from tidegate.store.client import StoreConnection
from tidegate.store.cluster import Cluster
from tidegate.store.faults import store_faults
from tidegate.store.keys import PortfolioKeys

#: The first Valkey that knows MSETEX, by which scripts write many strings at once (`lua/_texts.lua`).
_OLDEST: Final = (9, 1)
_LOOK_EVERY_S: Final = 60.0
#: So long what was seen holds: two looks may fail.
_HOLDS_MS: Final = 150_000


class Replicas:
    """Asks each replica for its version, and writes down how many there are where all of them understand all.

    Scripts go by that as long as no more than so many follow their primary; without it they write as any replica
    understands it. A replica has to be reached at the address that its primary tells, by the store's own password and
    certificates. Of a cluster's replicas nothing is known.
    """

    def __init__(self, connection: StoreConnection, portfolios: Iterable[str]) -> None:
        self._connection = connection
        self._keys = [PortfolioKeys(portfolio).replicas for portfolio in portfolios]

    async def run(self) -> None:
        """Look every minute, until cancelled."""
        while True:
            with contextlib.suppress(StoreUnavailable):
                await self.look()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def look(self) -> int | None:
        """Ask them all, and write down what they say; the answer as `that_understand` gives it.

        Raises StoreUnavailable where the primary does not answer.
        """
        client = self._connection.client
        if isinstance(client, Cluster):
            return None
        with store_faults:
            try:
                primary = await client.info("replication")
            except ResponseError:
                return None
            theirs = [primary[f"slave{n}"] for n in range(primary.get("connected_slaves", 0)) if f"slave{n}" in primary]
            count = that_understand(primary, await asyncio.gather(*map(self._ask, theirs)))
            if count:
                for key in self._keys:
                    await client.set(key, count, px=_HOLDS_MS)
            elif count == 0:
                await client.delete(*self._keys)
        return count

    async def _ask(self, replica: Mapping[str, Any]) -> Mapping[str, Any] | None:
        client = self._connection.to_server(str(replica["ip"]), int(replica["port"]))
        try:
            return dict(await client.info())
        except (RedisError, OSError):
            return None
        finally:
            await client.aclose()


def that_understand(primary: Mapping[str, Any], replicas: Sequence[Mapping[str, Any] | None]) -> int | None:
    """How many follow a primary, where all of them know what it may tell them; 0 where one does not, or none follows.

    `primary`, `replicas`: what each says of itself (INFO), None of one that could not be asked. None: it is not known,
    for one could not be asked, is no replica of this primary, or has further ones that follow it.
    """
    if any(one is not None and _version(one) < _OLDEST for one in replicas):
        return 0
    if primary.get("role") != "master" or len(replicas) != primary.get("connected_slaves"):
        return None
    expected = {"role": "slave", "master_replid": primary.get("master_replid"), "connected_slaves": 0}
    understood = all(one is not None and expected.items() <= one.items() for one in replicas)
    return len(replicas) if understood else None


def _version(info: Mapping[str, Any]) -> tuple[int, ...]:
    """A Valkey's version; nothing of another program's."""
    parts = str(info.get("valkey_version", "")).split(".")[:2]
    return tuple(int(part) for part in parts if part.isdigit())
