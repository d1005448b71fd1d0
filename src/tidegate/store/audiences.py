"""Audiences: the rows of campaigns by their groups, packed and sealed in chunks; and the lines that were rejected."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from tidegate.policy.campaign.spec import Campaign, Row
from tidegate.store.campaigns import KEPT_MS, Audience, CampaignRecord, Campaigns
from tidegate.store.faults import store_faults
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient
from tidegate.store.sealing import Seal

CHUNK_ROWS: Final = 500
"""Rows of a chunk, the last of a group may have fewer."""

#: What an upload has written goes after so long, unless it has come to its end.
_UNFINISHED_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of one group that are kept together: number `index` of the group's, counted from 0."""

    group: int
    index: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line of an upload that is no recipient, counted from 1, and why: nothing of what it said."""

    line: int
    why: str


class Audiences:
    """The audiences of all campaigns of this store. Every method raises StoreUnavailable."""

    def __init__(self, client: StoreClient, portfolios: Iterable[str], seal: Seal, campaigns: Campaigns) -> None:
        self._client = client
        self._seal = seal
        self._campaigns = campaigns
        self._keys = {portfolio: PortfolioKeys(portfolio) for portfolio in portfolios}

    @staticmethod
    def chunks(record: CampaignRecord, group: int) -> list[Chunk]:
        """The chunks of a group, in the order of their rows."""
        count = 0 if record.audience is None else record.audience.groups[group].chunks
        return [Chunk(group, index) for index in range(count)]

    async def rows(self, record: CampaignRecord, chunk: Chunk) -> list[Row]:
        """The rows of a chunk, by number. Raises BrokenSeal; LookupError when they were replaced or forgotten."""
        campaign, upload = record.campaign, _upload(record)
        key = self._keys[campaign.portfolio].campaign("rows", campaign.campaign_id, upload, chunk.group)
        with store_faults:
            sealed: Any = await self._client.hget(key, str(chunk.index))
        if sealed is None:
            raise LookupError("there is no such chunk any more")
        packed = await self._seal.open(_bound_to(campaign, upload, chunk), sealed)
        return unpacked(packed, campaign.columns)

    async def rejected(self, record: CampaignRecord) -> AsyncIterator[list[Rejected]]:
        """The lines that were rejected, some at a time, in their order."""
        if record.audience is None:
            return
        campaign = record.campaign
        key = self._keys[campaign.portfolio].campaign("errors", campaign.campaign_id, record.audience.upload)
        for index in range(record.audience.errors):
            with store_faults:
                packed: Any = await self._client.hget(key, str(index))
            if packed is not None:
                yield [Rejected(line, why) for line, why in orjson.loads(zlib.decompress(packed))]

    async def ready(self) -> None:
        """To be awaited before `sealed`."""
        await self._seal.ready()

    def sealed(self, campaign: Campaign, upload: str, chunk: Chunk, rows: Sequence[Row]) -> bytes:
        """Rows as they are kept: packed, and encrypted for as long as the campaign is kept. Raises StoreUnavailable."""
        body = packed(rows, campaign.columns)
        return self._seal.close(_bound_to(campaign, upload, chunk), body, campaign.deadline_ms + KEPT_MS)

    async def put(
        self,
        campaign: Campaign,
        upload: str,
        chunks: Sequence[tuple[Chunk, bytes]],
        errors: Sequence[tuple[int, bytes]],
    ) -> None:
        """Write chunks of an upload that is under way, and packed errors by number. May be repeated.

        They go by themselves unless `finish` comes within an hour.
        """
        by_key: dict[str, dict[str, bytes]] = {}
        for chunk, body in chunks:
            by_key.setdefault(self._rows_key(campaign, upload, chunk.group), {})[str(chunk.index)] = body
        for index, body in errors:
            by_key.setdefault(self._errors_key(campaign, upload), {})[str(index)] = body
        for key, fields in by_key.items():
            # The library's types want the fields to be of one type among several.
            mapping: dict[Any, Any] = dict(fields)
            with store_faults:
                await self._client.hset(key, mapping=mapping)
                await self._client.pexpire(key, _UNFINISHED_MS)

    async def finish(self, record: CampaignRecord, audience: Audience) -> CampaignRecord | None:
        """Make what was uploaded the campaign's audience, in the place of the one before; None when it is too late.

        `record` is the campaign as it was when that was last found to be allowed.
        """
        campaign = record.campaign
        over = [] if record.audience is None else self.keys(campaign, record.audience)
        after = CampaignRecord(campaign, record.revision, audience, record.progress)
        return await self._campaigns.swap(record, after, ending=self.keys(campaign, audience), over=over)

    async def drop(self, campaign: Campaign, upload: str) -> None:
        """Forget what an upload has written that came to nothing."""
        keys = [self._rows_key(campaign, upload, group) for group in range(campaign.groups)]
        with store_faults:
            await self._client.unlink(*keys, self._errors_key(campaign, upload))

    def keys(self, campaign: Campaign, audience: Audience) -> list[str]:
        """Where an audience is kept."""
        groups = [
            self._rows_key(campaign, audience.upload, group)
            for group, kept in enumerate(audience.groups)
            if kept.chunks
        ]
        return [*groups, *([self._errors_key(campaign, audience.upload)] if audience.errors else [])]

    def _rows_key(self, campaign: Campaign, upload: str, group: int) -> str:
        return self._keys[campaign.portfolio].campaign("rows", campaign.campaign_id, upload, group)

    def _errors_key(self, campaign: Campaign, upload: str) -> str:
        return self._keys[campaign.portfolio].campaign("errors", campaign.campaign_id, upload)


def packed(rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    """Rows without the names of their columns, compressed."""
    kept = [
        [row.number, row.line, row.to, row.segment, *(row.columns.get(column) for column in columns)] for row in rows
    ]
    return zlib.compress(orjson.dumps(kept), 1)


def unpacked(body: bytes, columns: Sequence[str]) -> list[Row]:
    """What `packed` gave, for the same columns."""
    return [
        Row(
            number,
            line,
            to,
            {name: value for name, value in zip(columns, values, strict=True) if value is not None},
            segment,
        )
        for number, line, to, segment, *values in orjson.loads(zlib.decompress(body))
    ]


def packed_errors(errors: Sequence[Rejected]) -> bytes:
    """Rejected lines, compressed."""
    return zlib.compress(orjson.dumps([[error.line, error.why] for error in errors]), 1)


def _upload(record: CampaignRecord) -> str:
    if record.audience is None:
        raise LookupError("the campaign has no audience")
    return record.audience.upload


def _bound_to(campaign: Campaign, upload: str, chunk: Chunk) -> str:
    return f"campaign:{campaign.campaign_id}:{upload}:{chunk.group}:{chunk.index}"
