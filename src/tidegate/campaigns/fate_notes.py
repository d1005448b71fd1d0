"""What becomes of campaigns' rows, written down off the way of whoever learns it."""

from __future__ import annotations

import asyncio
from functools import partial

import structlog

from tidegate.clock import StoreClock
from tidegate.errors import StoreUnavailable
from tidegate.gateway import until_stored
from tidegate.policy.campaign.fate import OF_STATE
from tidegate.policy.campaign.part import Part
from tidegate.policy.lifecycle import State
from tidegate.store.fates import Fates, RowFate
from tidegate.tasks import spawn

log = structlog.get_logger()


class FateNotes:
    """Collects fates and writes them, many at a time. What is lost with this process is found by whoever mends."""

    def __init__(self, fates: Fates, clock: StoreClock) -> None:
        self._fates = fates
        self._clock = clock
        self._waiting: dict[tuple[str, str], dict[int, RowFate]] = {}
        self._writing: asyncio.Task[None] | None = None

    def note(self, portfolio: str, part: Part, state: State) -> None:
        """Have it written that a row's message is in this state."""
        rows = self._waiting.setdefault((portfolio, part.campaign_id), {})
        fate, known = OF_STATE[state], rows.get(part.row)
        if known is None or known.fate < fate:
            rows[part.row] = RowFate(part.row, part.group, fate)
        if self._writing is None:
            self._writing = spawn(self._write(), "settle")

    async def ended(self, timeout_s: float) -> None:
        """Return when everything is written, or after `timeout_s`."""
        if self._writing is not None:
            await asyncio.wait([self._writing], timeout=timeout_s)

    async def _write(self) -> None:
        try:
            while self._waiting:
                (portfolio, campaign_id), rows = self._waiting.popitem()
                fates = list(rows.values())
                write = partial(self._fates.write, portfolio, campaign_id, fates)
                try:
                    await until_stored(write, self._clock)
                except StoreUnavailable as error:
                    log.warning("fates_not_written", campaign_id=campaign_id, rows=len(fates), fault=str(error))
        finally:
            self._writing = None
