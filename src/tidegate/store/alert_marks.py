"""What the operator was told of last, so that whichever node goes on tells what came since, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tidegate.store.faults import store_faults
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient
from tidegate.store.standing_history import StandingEvent, read_event

_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class AlertMarks:
    """`history`: id of the last entry of the history that was told of; None: nothing was yet. `held_until_ms`: of the
    books, as they were told to be held; 0: they are whole. `durable`: whether the store was so; None: nobody looked."""

    history: str | None = None
    held_until_ms: int = 0
    durable: bool | None = None


class AlertRecords:
    """The marks of all portfolios, and the history that they point into. Every method raises StoreUnavailable."""

    def __init__(self, client: StoreClient, portfolios: Iterable[str]) -> None:
        self._client = client
        self._keys = {portfolio: PortfolioKeys(portfolio) for portfolio in portfolios}

    async def read(self, portfolio: str) -> AlertMarks:
        """What was told last."""
        with store_faults:
            found: Mapping[Any, Any] = await self._client.hgetall(self._keys[portfolio].alerted)
        history, durable = found.get(b"history"), found.get(b"durable")
        return AlertMarks(
            history=None if history is None else history.decode(),
            held_until_ms=int(found.get(b"held_until") or 0),
            durable=None if durable is None else durable == b"1",
        )

    async def write(self, portfolio: str, marks: AlertMarks) -> None:
        """What was told now."""
        told: dict[Any, Any] = {"held_until": marks.held_until_ms}
        if marks.history is not None:
            told["history"] = marks.history
        if marks.durable is not None:
            told["durable"] = int(marks.durable)
        with store_faults:
            await self._client.hset(self._keys[portfolio].alerted, mapping=told)

    async def end(self, portfolio: str) -> str:
        """The id of the history's last entry; one before all others where it has none."""
        with store_faults:
            last: Any = await self._client.xrevrange(self._keys[portfolio].history, "+", "-", count=1)
        return last[0][0].decode() if last else "0-0"

    async def since(self, portfolio: str, entry: str) -> list[tuple[str, StandingEvent]]:
        """The next changes after an entry, with their ids, the oldest first; none where there are no more."""
        with store_faults:
            found: Any = await self._client.xrange(self._keys[portfolio].history, f"({entry}", "+", count=_PAGE)
        return [(entry_id.decode(), read_event(fields)) for entry_id, fields in found]
