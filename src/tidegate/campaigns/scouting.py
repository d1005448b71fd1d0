"""Rows further on whose recipients are awake: they go while those whose turn it is sleep."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from tidegate.policy.asleep import asleep_until_ms
from tidegate.policy.campaign.spec import Row
from tidegate.policy.facts import Case
from tidegate.policy.standing import Standing
from tidegate.policy.zones import zones_of_recipient
from tidegate.store.audiences import CHUNK_ROWS, Audiences, Chunk
from tidegate.store.campaigns import CampaignRecord

#: Rows looked at in one look: others want the loop as well.
SEEN_AT_A_LOOK: Final = 4 * CHUNK_ROWS
#: Rows looked at between two turns of the loop.
_SLICE: Final = 25


@dataclass(slots=True)
class _Round:
    """One way through a group: where this node was left in it, and whether it has seen all of it so far.

    When the first of those who slept wakes (ms), and until when there is no other. `over_at_ms`: the campaign is.
    """

    over_at_ms: int
    at: int = 0
    is_whole: bool = False
    wakes_at_ms: int | None = None
    rest_until_ms: int = 0

    def go_on(self, at: int, first: int) -> None:
        """Be in it at `at`, which is `first` where it begins. What another node has gone through was not seen here."""
        if at == first:
            self.is_whole, self.wakes_at_ms = True, None
        elif at != self.at:
            self.is_whole = False
        self.at = at

    def end(self) -> None:
        """Rest until there may be somebody else. Of one that was not seen from its beginning, that is not known."""
        rest_until_ms = self.over_at_ms if self.wakes_at_ms is None else self.wakes_at_ms
        self.rest_until_ms = rest_until_ms if self.is_whole else 0
        self.at, self.wakes_at_ms = 0, None


class Scouting:
    """Goes through groups, round after round. What is lost with a node is when the next round is worth its while."""

    def __init__(self, audiences: Audiences) -> None:
        self._audiences = audiences
        self._rounds: dict[tuple[str, int], _Round] = {}

    async def awake(
        self, record: CampaignRecord, group: int, at: int, first: int, case: Case, standing: Standing, now_ms: int
    ) -> AsyncIterator[tuple[Sequence[Row], int]]:
        """Rows of a group from that at `at` on (`first`, where that is further on) whose recipients it is day for, some
        at a time, each with where to go on; 0: from the beginning, when somebody may have woken.

        Some of them may have been taken before. Raises StoreUnavailable, BrokenSeal, LookupError.
        """
        assert record.audience is not None, "a campaign that runs has an audience"
        round_ = self._round(record, group, now_ms)
        if now_ms < round_.rest_until_ms:
            return
        rows = record.audience.groups[group].rows
        at = max(at, first)
        round_.go_on(at, first)
        last = min(rows, at + SEEN_AT_A_LOOK)
        while at < last:
            begin = at - at % CHUNK_ROWS
            kept = await self._audiences.rows(record, Chunk(group, at // CHUNK_ROWS))
            end = min(begin + CHUNK_ROWS, begin + len(kept), last)
            for low in range(at, end, _SLICE):
                high = min(low + _SLICE, end)
                slice_ = kept[low - begin : high - begin]
                awake = [row for row in slice_ if self._is_awake(row, case, standing, now_ms, round_)]
                round_.at = high
                yield awake, high
                await asyncio.sleep(0)
            at = begin + CHUNK_ROWS
        if last >= rows:
            # Those who slept at the beginning of a long round may be awake by its end.
            round_.end()
            yield (), 0

    def _round(self, record: CampaignRecord, group: int, now_ms: int) -> _Round:
        name = (record.campaign.campaign_id, group)
        if name not in self._rounds:
            self._rounds = {known: one for known, one in self._rounds.items() if one.over_at_ms > now_ms}
            self._rounds[name] = _Round(record.campaign.deadline_ms)
        return self._rounds[name]

    def _is_awake(self, row: Row, case: Case, standing: Standing, now_ms: int, round_: _Round) -> bool:
        until_ms = asleep_until_ms(case._replace(zones=zones_of_recipient(row.kind, row.to)), standing, now_ms)
        if until_ms is not None:
            round_.wakes_at_ms = min(until_ms, round_.wakes_at_ms or until_ms)
        return until_ms is None
