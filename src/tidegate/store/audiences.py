"""Audiences: the rows of campaigns by their groups, packed and sealed in chunks; and the lines that were rejected."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson

from tidegate.errors import StoreUnavailable
from tidegate.policy.campaign.spec import Campaign, Row
from tidegate.store.campaigns import KEPT_MS, Audience, CampaignRecord, Campaigns, audience_keys
from tidegate.store.faults import store_faults
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient, script
from tidegate.store.sealing import BrokenSeal, Seal

CHUNK_ROWS: Final = 500
"""Rows of a chunk, the last of a group may have fewer."""

WHO_BYTES: Final = 4
"""By so many bytes the chunks of a user are found; which of its rows are theirs is told by the rows themselves."""
_NOBODY: Final = bytes(16)
_SOUGHT_AT_ONCE: Final = 200
_RACES: Final = 50

#: What an upload has written goes after so long, unless it has come to its end.
_UNFINISHED_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of one group that are kept together: number `index` of the group's, counted from 0."""

    group: int
    index: int


class ErasedRow(NamedTuple):
    """A row that was forgotten: its number, and its group."""

    number: int
    group: int


class Packed(NamedTuple):
    """A chunk as it is kept: its rows sealed, and the first WHO_BYTES of each of their recipients' 16."""

    chunk: Chunk
    body: bytes
    who: bytes


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
        return await self._opened(record, chunk, await self._stored(record, chunk))

    async def erase(
        self, record: CampaignRecord, names: Sequence[bytes], of: Callable[[Row], bytes]
    ) -> list[ErasedRow]:
        """Forget the rows of a user with these names (16 bytes each); which there were.

        `of` says which 16 bytes stand for a row's recipient.
        """
        erased: list[ErasedRow] = []
        for group in range(record.campaign.groups):
            for chunk in await self._chunks_of(record, group, names):
                erased += await self._erase(record, chunk, frozenset(names), of)
        return erased

    async def _chunks_of(self, record: CampaignRecord, group: int, names: Sequence[bytes]) -> list[Chunk]:
        """The chunks of a group that may have rows of a user with these names."""
        chunks, found = self.chunks(record, group), []
        sought = [name[:WHO_BYTES] for name in names]
        for begin in range(0, len(chunks), _SOUGHT_AT_ONCE):
            some = chunks[begin : begin + _SOUGHT_AT_ONCE]
            key = self._rows_key(record.campaign, _upload(record), group)
            with store_faults:
                who: Any = await self._client.hmget(key, [_who(chunk.index) for chunk in some])
            found += [
                chunk for chunk, kept in zip(some, who, strict=True) if kept and any(one in kept for one in sought)
            ]
        return found

    async def _erase(
        self, record: CampaignRecord, chunk: Chunk, names: frozenset[bytes], of: Callable[[Row], bytes]
    ) -> list[ErasedRow]:
        campaign, upload = record.campaign, _upload(record)
        key = self._rows_key(campaign, upload, chunk.group)
        for _ in range(_RACES):
            try:
                before = await self._stored(record, chunk)
                rows = await self._opened(record, chunk, before)
            except (LookupError, BrokenSeal):
                return []
            digests = [of(row) if row.to else _NOBODY for row in rows]
            theirs = [
                ErasedRow(row.number, chunk.group) for row, digest in zip(rows, digests, strict=True) if digest in names
            ]
            if not theirs:
                return []
            left = [row.erased() if digest in names else row for row, digest in zip(rows, digests, strict=True)]
            who = b"".join((_NOBODY if digest in names else digest)[:WHO_BYTES] for digest in digests)
            await self._seal.ready()
            after = self.sealed(campaign, upload, chunk, left, who)
            args: list[str | bytes | int] = [chunk.index, before, after.body, after.who]
            if await script("campaign_swap_chunk").repeatable(self._client, [key], args):
                return theirs
        raise StoreUnavailable("an audience changes faster than it can be written")

    async def _stored(self, record: CampaignRecord, chunk: Chunk) -> bytes:
        with store_faults:
            key = self._rows_key(record.campaign, _upload(record), chunk.group)
            sealed: Any = await self._client.hget(key, str(chunk.index))
        if sealed is None:
            raise LookupError("there is no such chunk any more")
        return bytes(sealed)

    async def _opened(self, record: CampaignRecord, chunk: Chunk, sealed: bytes) -> list[Row]:
        body = await self._seal.open(_bound_to(record.campaign, _upload(record), chunk), sealed)
        return unpacked(body, record.campaign.columns)

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

    def sealed(self, campaign: Campaign, upload: str, chunk: Chunk, rows: Sequence[Row], who: bytes) -> Packed:
        """Rows as they are kept: packed, and encrypted for as long as the campaign is kept. Raises StoreUnavailable.

        `who`: of each of them the first WHO_BYTES of the recipient's 16, zeros where it was erased.
        """
        body = packed(rows, campaign.columns)
        sealed = self._seal.close(_bound_to(campaign, upload, chunk), body, campaign.deadline_ms + KEPT_MS)
        return Packed(chunk, sealed, who)

    async def put(
        self,
        campaign: Campaign,
        upload: str,
        chunks: Sequence[Packed],
        errors: Sequence[tuple[int, bytes]],
    ) -> None:
        """Write chunks of an upload that is under way, and packed errors by number. May be repeated.

        They go by themselves unless `finish` comes within an hour.
        """
        by_key: dict[str, dict[str, bytes]] = {}
        for chunk, body, who in chunks:
            kept = by_key.setdefault(self._rows_key(campaign, upload, chunk.group), {})
            kept |= {str(chunk.index): body, _who(chunk.index): who}
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
        keys, name = self._keys[campaign.portfolio], campaign.campaign_id
        over = [] if record.audience is None else audience_keys(keys, name, record.audience)
        after = CampaignRecord(campaign, record.revision, audience, record.progress)
        return await self._campaigns.swap(record, after, ending=audience_keys(keys, name, audience), over=over)

    async def drop(self, campaign: Campaign, upload: str) -> None:
        """Forget what an upload has written that came to nothing."""
        keys = [self._rows_key(campaign, upload, group) for group in range(campaign.groups)]
        with store_faults:
            await self._client.unlink(*keys, self._errors_key(campaign, upload))

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


def _who(index: int) -> str:
    return f"who:{index}"


def _upload(record: CampaignRecord) -> str:
    if record.audience is None:
        raise LookupError("the campaign has no audience")
    return record.audience.upload


def _bound_to(campaign: Campaign, upload: str, chunk: Chunk) -> str:
    return f"campaign:{campaign.campaign_id}:{upload}:{chunk.group}:{chunk.index}"
