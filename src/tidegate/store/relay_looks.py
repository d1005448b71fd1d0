"""When there is something to do for the apps: asked for all of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tidegate.store.batch import Shards
from tidegate.store.keys import PortfolioKeys
from tidegate.store.relays import DEAD_KEPT_MS
from tidegate.store.scripts import StoreClient, script


@dataclass(frozen=True, slots=True)
class Look:
    """What a portfolio's keys say at `now_ms`. `has_ended`: whether messages ended that nobody has been told of.

    `due_at_ms`: app -> when there is something to do for it; an app for which nothing waits is not in it.
    """

    now_ms: int
    has_ended: bool
    due_at_ms: Mapping[str, int]


class _Asked(NamedTuple):
    portfolio: str
    apps: tuple[str, ...]


class RelayLooks:
    """Looks at what waits for the apps of all portfolios."""

    def __init__(self, client: StoreClient, portfolios: Iterable[str], *, one_slot: bool) -> None:
        """`one_slot`: a call may not span portfolios."""
        self._client = client
        self._keys = {portfolio: PortfolioKeys(portfolio) for portfolio in portfolios}
        self._looks: Shards[_Asked, Look] = Shards(self._look, one_slot)

    async def look(self, portfolio: str, apps: Sequence[str]) -> Look:
        """Look at these apps of a portfolio; who asks at the same moment shares the trip. Raises StoreUnavailable."""
        return await self._looks[portfolio].put(_Asked(portfolio, tuple(apps)))

    async def _look(self, asked: list[_Asked]) -> list[Look]:
        keys: list[bytes] = []
        args: list[str | bytes | int] = [DEAD_KEPT_MS]
        for one in asked:
            keys += self._keys[one.portfolio].all
            args += (len(one.apps), *one.apps)
        answer: Any = iter(await script("relay_look").repeatable(self._client, keys, args))
        return [Look(next(answer), next(answer) == 1, _due(one.apps, answer)) for one in asked]


def _due(apps: Sequence[str], answer: Any) -> dict[str, int]:
    return {app: at_ms for app in apps if (at_ms := next(answer))}
