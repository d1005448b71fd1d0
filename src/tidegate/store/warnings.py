"""What early warning has said, so that whichever node watches next knows it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from tidegate.policy.outcome_scope import OutcomeScope, parse
from tidegate.policy.warning_metric import Metric
from tidegate.policy.warning_review import Said, from_json, to_json
from tidegate.store.faults import store_faults
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient

Watched = tuple[OutcomeScope, Metric]
"""One metric of one scope."""


class Warnings:
    """Reads and writes what was said. Every method raises StoreUnavailable."""

    def __init__(self, client: StoreClient, portfolios: Iterable[str]) -> None:
        self._client = client
        self._keys = {portfolio: PortfolioKeys(portfolio).warnings for portfolio in portfolios}

    async def read(self, portfolio: str) -> dict[Watched, Said]:
        """All that was said and not taken back."""
        with store_faults:
            stored: Mapping[Any, Any] = await self._client.hgetall(self._keys[portfolio])
        found: dict[Watched, Said] = {}
        for field, text in stored.items():
            metric, _, name = bytes(field).decode().partition(" ")
            scope = parse(name)
            # What another version has written, and this one can't read, is let be.
            with contextlib.suppress(ValueError):
                if scope is not None:
                    found[scope, Metric(metric)] = from_json(orjson.loads(text))
        return found

    async def write(self, portfolio: str, said: Mapping[Watched, Said | None]) -> None:
        """Keep what was said; None: it was taken back."""
        key = self._keys[portfolio]
        # The library's types want the keys to be of one type among several.
        kept: dict[Any, Any] = {
            _field(watched): orjson.dumps(to_json(one)) for watched, one in said.items() if one is not None
        }
        dropped = [_field(watched) for watched, one in said.items() if one is None]
        with store_faults:
            if kept:
                await self._client.hset(key, mapping=kept)
            if dropped:
                await self._client.hdel(key, *dropped)


def _field(watched: Watched) -> str:
    scope, metric = watched
    return f"{metric.value} {scope.name}"
