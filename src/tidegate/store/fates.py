"""What became of the rows of campaigns: a byte each, and counts of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import orjson

from tidegate.policy.campaign.fate import IN_HAND, Fate
from tidegate.policy.campaign.part import Part
from tidegate.policy.campaign.spec import Campaign, Row
from tidegate.policy.lifecycle import State
from tidegate.store.faults import store_faults
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient, script

#: Rows of one call: less than a millisecond of the store's time.
_AT_ONCE: Final = 500


class RowFate(NamedTuple):
    """What became of a row: its number (1 and up), its group, its fate."""

    row: int
    group: int
    fate: Fate


class RowState(NamedTuple):
    """A row by its message: where that is, and the word for why it was queued last; "" where it never was.

    `part` is None of a message that was ended before it came.
    """

    part: Part | None
    state: State
    reason: str


class Fates:
    """The fates of the rows of all campaigns of this store. Every method raises StoreUnavailable."""

    def __init__(self, client: StoreClient, portfolios: Iterable[str]) -> None:
        self._client = client
        self._keys = {portfolio: PortfolioKeys(portfolio) for portfolio in portfolios}

    async def open(self, portfolio: str, campaign_id: str, rows: int, until_ms: int) -> None:
        """Make room for so many rows, until then; all are pending. Where there is room already nothing changes."""
        names = [self._keys[portfolio].clock, *self._names(portfolio, campaign_id)]
        await script("campaign_open").repeatable(self._client, names, [rows, until_ms])

    async def write(self, portfolio: str, campaign_id: str, fates: Sequence[RowFate]) -> int:
        """Write fates down; how many rows have another one now. A higher one stays, see `policy/campaign/fate.py`."""
        changed = 0
        for first in range(0, len(fates), _AT_ONCE):
            args: list[int | str | bytes] = [int(max(IN_HAND))]
            for row, group, fate in fates[first : first + _AT_ONCE]:
                args += (row - 1, group, int(fate))
            names = self._names(portfolio, campaign_id)
            changed += int(await script("campaign_fates").repeatable(self._client, names, args))
        return changed

    async def read(self, portfolio: str, campaign_id: str, first_row: int, rows: int) -> bytes:
        """The fates of so many rows, a byte each; fewer where there are fewer, none where nothing was started."""
        key = self._names(portfolio, campaign_id)[0]
        with store_faults:
            found: Any = await self._client.getrange(key, first_row - 1, first_row + rows - 2)
        return bytes(found)

    async def pending(self, campaign: Campaign, rows: Sequence[Row]) -> list[Row]:
        """Those of these rows, in their order, of which nothing is known yet."""
        if not rows:
            return []
        first, last = rows[0].number, rows[-1].number
        known = await self.read(campaign.portfolio, campaign.campaign_id, first, last - first + 1)
        return [row for row in rows if not any(known[row.number - first : row.number - first + 1])]

    async def counts(self, portfolio: str, campaign_id: str) -> Counter[tuple[int, Fate]]:
        """How many rows of each group have which fate; those that are pending are not counted."""
        key = self._names(portfolio, campaign_id)[1]
        counts: Counter[tuple[int, Fate]] = Counter()
        with store_faults:
            found: Any = await self._client.hgetall(key)
        for field, count in found.items():
            group, _, fate = field.decode().partition(".")
            if fate:
                counts[int(group), Fate(int(fate))] += int(count)
        return +counts

    async def states(self, portfolio: str, message_ids: Sequence[str]) -> list[RowState | None]:
        """Of each message the row that it is for, and its state; None where there is no such message (any more)."""
        found = await script("states").repeatable(self._client, self._keys[portfolio].all, list(message_ids))
        return [
            RowState(Part.of(orjson.loads(about)) if about else None, State(state.decode()), reason.decode())
            if state
            else None
            for state, about, reason in zip(found[::3], found[1::3], found[2::3], strict=True)
        ]

    def _names(self, portfolio: str, campaign_id: str) -> list[str]:
        keys = self._keys[portfolio]
        return [keys.campaign("fates", campaign_id), keys.campaign("counts", campaign_id)]
