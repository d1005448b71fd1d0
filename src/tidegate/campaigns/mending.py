"""Fates compared with the messages' own records: what a node knew and took with it is written down after all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from typing import Final

from tidegate.campaigns.feeder import Feeder
from tidegate.policy.campaign.fate import IN_HAND, OF_STATE, OPEN, Fate
from tidegate.policy.campaign.spec import Campaign, Row
from tidegate.policy.lifecycle import State
from tidegate.policy.verdict import Reason
from tidegate.store.audiences import Audiences
from tidegate.store.campaigns import CampaignRecord
from tidegate.store.fates import Fates, RowFate
from tidegate.store.sealing import BrokenSeal
from tidegate.store.send_queue import SendQueue

#: Rows whose fates are looked at in one go, and messages whose records are.
_ROWS_AT_ONCE: Final = 50_000
_AT_ONCE: Final = 250

#: Fates that are not in hand, and that a later word may still change.
_LEARNT: Final = tuple(fate for fate in OPEN if fate not in IN_HAND)

#: What may hold a message to one user for days, or for good, while all others go.
_LEFT_TO_USERS: Final = frozenset(
    (State.QUEUED, reason.value)
    for reason in (
        Reason.QUIET_HOURS,
        Reason.FREQUENCY_CAP,
        Reason.USER_MARKETING_LIMIT,
        Reason.RECIPIENT_SUPPRESSED,
    )
)


class Mending:
    """Mends fates, and empties the queue of a campaign. Every method raises StoreUnavailable, and may be repeated.

    Fates are written by whoever learns of them, and lost with the node that had learnt: the record never is.
    """

    def __init__(self, fates: Fates, queue: SendQueue, feeder: Feeder, audiences: Audiences) -> None:
        self._fates = fates
        self._queue = queue
        self._feeder = feeder
        self._audiences = audiences

    async def mend(self, record: CampaignRecord, *, all_open: bool) -> int:
        """Write down what became of rows that are in hand, or `all_open` ones; how many had another fate.

        A message is there before its row is said to be in hand. So one in hand of which there is no message any more
        was sent, or ended, and is forgotten (all nodes were away for longer than it is kept, its user was erased, the
        store lost it): nobody can say what became of it.
        """
        mended, lost = await self._compare(record, IN_HAND)
        if all_open:
            mended += (await self._compare(record, _LEARNT))[0]
        return mended + await self._write_lost(record, lost)

    async def _compare(self, record: CampaignRecord, wanted: Sequence[Fate]) -> tuple[int, dict[int, Fate]]:
        """Write down what the messages of rows with these fates tell; how many had another one, and what there is to
        be said of those whose message does not tell which row it is for, or is gone."""
        mended, lost = 0, dict[int, Fate]()
        async for rows in self._rows(record, wanted):
            ids = [self._feeder.message_id(record.campaign, row) for row in rows]
            fates = []
            for row, told in zip(rows, await self._fates.states(record.campaign.portfolio, ids), strict=True):
                if told is not None and told.part is not None:
                    fates.append(RowFate(row, told.part.group, OF_STATE[told.state]))
                else:
                    lost[row] = Fate.UNKNOWN if told is None else OF_STATE[told.state]
            mended += await self._write(record, fates)
        return mended, lost

    async def _write(self, record: CampaignRecord, fates: Sequence[RowFate]) -> int:
        return await self._fates.write(record.campaign.portfolio, record.campaign.campaign_id, fates)

    async def _write_lost(self, record: CampaignRecord, lost: dict[int, Fate]) -> int:
        """Write down what became of rows of which no message tells the group: the audience does."""
        mended = 0
        for group in range(record.campaign.groups):
            for chunk in self._audiences.chunks(record, group) if lost else ():
                rows: list[Row] = []
                with suppress(LookupError, BrokenSeal):
                    rows = await self._audiences.rows(record, chunk)
                theirs = [row.number for row in rows if row.number in lost]
                mended += await self._write(record, [RowFate(row, group, lost.pop(row)) for row in theirs])
        return mended

    async def is_left_to_users(self, record: CampaignRecord, groups: Sequence[int]) -> bool:
        """Whether each row of these groups that is in hand is held for its own user's sake, and for nothing else."""
        campaign = record.campaign
        async for rows in self._rows(record, IN_HAND):
            ids = [self._feeder.message_id(campaign, row) for row in rows]
            for told in await self._fates.states(campaign.portfolio, ids):
                if told is None or told.part is None:
                    continue
                if told.part.group in groups and (told.state, told.reason) not in _LEFT_TO_USERS:
                    return False
        return True

    async def cancel(self, record: CampaignRecord, beside: Iterable[str]) -> int:
        """Take what is queued of a campaign out of the queue; how many rows are on their way to Meta still.

        `beside`: ids of messages that another node may be about to queue: it will find them ended.
        """
        campaign = record.campaign
        async for rows in self._rows(record, IN_HAND):
            await asyncio.gather(*(self._end(campaign, self._feeder.message_id(campaign, row)) for row in rows))
        for message_id in beside:
            await self._end(campaign, message_id, forestall=True)
        await self.mend(record, all_open=False)
        return await self.in_hand(campaign)

    async def in_hand(self, campaign: Campaign, groups: Sequence[int] | None = None) -> int:
        """How many rows (of these groups) are queued, or on their way to Meta."""
        counts = await self._fates.counts(campaign.portfolio, campaign.campaign_id)
        return sum(n for (group, fate), n in counts.items() if fate in IN_HAND and (groups is None or group in groups))

    async def _end(self, campaign: Campaign, message_id: str, *, forestall: bool = False) -> None:
        cause = "its campaign was cancelled"
        await self._queue.end(campaign.portfolio, message_id, State.CANCELLED.value, cause, forestall=forestall)

    async def _rows(self, record: CampaignRecord, wanted: Sequence[Fate]) -> AsyncIterator[list[int]]:
        """The rows that have one of these fates, some at a time."""
        campaign, last = record.campaign, 0 if record.audience is None else record.audience.rows
        table = _table(wanted)
        for first in range(1, last + 1, _ROWS_AT_ONCE):
            fates = await self._fates.read(campaign.portfolio, campaign.campaign_id, first, _ROWS_AT_ONCE)
            marked, rows = fates.translate(table), list[int]()
            at = marked.find(1)
            while at >= 0:
                rows.append(first + at)
                if len(rows) == _AT_ONCE:
                    yield rows
                    rows = []
                at = marked.find(1, at + 1)
            if rows:
                yield rows


def _table(wanted: Sequence[Fate]) -> bytes:
    return bytes(int(byte in wanted) for byte in range(256))
