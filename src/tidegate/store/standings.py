"""The standing of every portfolio: kept in the store under an epoch, cached here until the epoch moves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from tidegate.cloudapi.vocabulary import Category, NumberStatus, Quality, TemplateStatus
from tidegate.policy.standing import Change, NumberStanding, Pause, Standing, TemplateStanding
from tidegate.store.faults import store_faults
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient, script

_HISTORY: Final = 100_000
#: Of two that speak in the same millisecond the later one here is believed, as `restand` does.
_SOURCES: Final = ("webhook", "graph", "operator")


class Standings:
    """Reads and changes standings. Every method that is awaited raises StoreUnavailable."""

    def __init__(self, client: StoreClient, configured: Iterable[Standing]) -> None:
        """`configured`: what the configuration says of each portfolio, in force until Meta says otherwise."""
        self._client = client
        self._configured = {standing.portfolio: standing for standing in configured}
        self._keys = {portfolio: PortfolioKeys(portfolio) for portfolio in self._configured}
        self._current: dict[str, Standing] = {}
        self._reading: dict[str, asyncio.Lock] = {portfolio: asyncio.Lock() for portfolio in self._configured}

    @property
    def portfolios(self) -> tuple[str, ...]:
        return tuple(self._configured)

    async def current(self, portfolio: str) -> Standing:
        """The standing as last read; it may be old, which `admit` will tell by the epoch."""
        return self._current.get(portfolio) or await self.reload(portfolio, epoch=0)

    async def reload(self, portfolio: str, epoch: int) -> Standing:
        """The standing, read again unless somebody else has just read this epoch.

        An epoch lower than the known one is read too: a store that was emptied begins anew.
        """
        async with self._reading[portfolio]:
            known = self._current.get(portfolio)
            if known is not None and known.epoch == epoch:
                return known
            keys = self._keys[portfolio]
            with store_faults:
                # The epoch is read before the records: records newer than their epoch only cost one more reading.
                found = await self._client.hget(keys.ledger, "epoch")
                records = await self._client.hgetall(keys.standing)
            standing = _merge(self._configured[portfolio], int(found or 0), dict(records))
            self._current[portfolio] = standing
            return standing

    async def change(self, portfolio: str, changes: Sequence[Change]) -> tuple[int, list[bool]]:
        """Write changes under a new epoch; the store's time, and which of them were newer than what was known."""
        args: list[str | bytes | int] = [_HISTORY]
        for change in changes:
            for name, value in change.values.items():
                record = f"{change.kind}:{change.key}" if change.key else change.kind
                args += (record, f"{name}@{change.source}", orjson.dumps(value), change.at_ms, change.cause)
        answer = await script("restand")(self._client, self._keys[portfolio].all, args)
        await self.reload(portfolio, epoch=answer[1])
        return answer[0], [applied == 1 for applied in answer[2:]]


def _merge(configured: Standing, epoch: int, stored: Mapping[Any, Any]) -> Standing:
    """What is configured, overridden field by field by what arrived last from any source."""
    latest: dict[tuple[str, str], tuple[int, int, int, Any]] = {}
    for key, text in stored.items():
        record, _, field = bytes(key).decode().rpartition("|")
        name, _, source = field.partition("@")
        became_true, arrived_at, content = bytes(text).split(b" ", 2)
        entry = (int(arrived_at), _SOURCES.index(source), int(became_true), orjson.loads(content))
        if (record, name) not in latest or entry[:2] >= latest[record, name][:2]:
            latest[record, name] = entry
    standing = replace(configured, epoch=epoch)
    numbers, templates, pauses = dict(standing.numbers), dict(standing.templates), []
    for (record, name), (arrived, rank, since, value) in latest.items():
        kind, _, key = record.partition(":")
        if kind == "limit":
            standing = replace(standing, limit=value, limit_source=_SOURCES[rank], limit_changed_at_ms=arrived)
        elif kind == "number":
            number = numbers.get(key) or NumberStanding(key)
            changed_at_ms = max(number.changed_at_ms, arrived)
            numbers[key] = replace(number, changed_at_ms=changed_at_ms, **{name: _NUMBER[name](value)})
        elif kind == "template":
            waba, language, template_name = key.split(":", 2)
            template = templates.get((waba, template_name, language)) or TemplateStanding(waba, template_name, language)
            changed_at_ms = max(template.changed_at_ms, arrived)
            template = replace(template, changed_at_ms=changed_at_ms, **{name: _TEMPLATE[name](value)})
            templates[template.key] = template
        elif kind == "pause" and value is not None:
            pauses.append(Pause(key, since_ms=since, **value))
    return replace(standing, numbers=numbers, templates=templates, pauses=tuple(pauses))


_NUMBER: Final[dict[str, Any]] = {"throughput": int, "quality": Quality, "status": NumberStatus}
_TEMPLATE: Final[dict[str, Any]] = {
    "category": Category,
    "status": TemplateStatus,
    "quality": Quality,
    "template_id": str,
}
