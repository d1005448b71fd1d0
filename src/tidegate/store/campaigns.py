"""Campaigns: one record each, changed only by whoever has seen its last revision."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final

import orjson
import structlog

from tidegate.errors import StoreUnavailable
from tidegate.policy.campaign.order import read_campaign, write_campaign
from tidegate.policy.campaign.phase import OVER
from tidegate.policy.campaign.spec import Campaign
from tidegate.store.faults import store_faults
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient, script

#: So long after its end, or its deadline where that comes first, a campaign, its audience and what became of it are
#: kept: longer than a message's record.
KEPT_MS: Final = 40 * 86_400_000
#: Campaigns that one portfolio may have at once, those that are over included; and those that are one app's.
MOST_KEPT: Final = 1_000
MOST_OF_APP: Final = 500
_READ_AT_ONCE: Final = 20
#: Of the campaigns that are known by what is kept of them, so that all of them take a few MB.
_LONGEST_KNOWN: Final = 4_096
#: Whoever loses this many races for one record in a row gives up.
_RACES: Final = 50

DRAFT: Final[Mapping[str, Any]] = {"state": "draft"}
"""The progress of a campaign that was ordered, and no more."""

log = structlog.get_logger()


class Full(Enum):
    """Who has as many campaigns as may be, where one more was to be kept."""

    PORTFOLIO = -1
    APP = -2


@dataclass(frozen=True, slots=True)
class Group:
    """Recipients of one step and variant: how many rows, and in how many chunks they are kept."""

    rows: int
    chunks: int


@dataclass(frozen=True, slots=True)
class Audience:
    """What was uploaded last. `upload` names it; `groups` by `Campaign.group`; `errors`: how many chunks of them."""

    upload: str
    rows: int
    duplicates: int
    rejected: int
    uploaded_at_ms: int
    groups: tuple[Group, ...]
    errors: int = 0

    def to_json(self) -> dict[str, Any]:
        """As JSON values; `from_json` reads them back."""
        return {
            "upload": self.upload,
            "rows": self.rows,
            "duplicates": self.duplicates,
            "rejected": self.rejected,
            "uploaded_at_ms": self.uploaded_at_ms,
            "groups": [[group.rows, group.chunks] for group in self.groups],
            "errors": self.errors,
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Audience:
        """What `to_json` gave."""
        return cls(**{**kept, "groups": tuple(Group(rows, chunks) for rows, chunks in kept["groups"])})


@dataclass(frozen=True, slots=True)
class CampaignRecord:
    """A campaign as the store has it. `progress` is what became of it, as JSON values; its `state` is always there."""

    campaign: Campaign
    revision: int = 0
    audience: Audience | None = None
    progress: Mapping[str, Any] = field(default_factory=lambda: dict(DRAFT))

    @property
    def state(self) -> str:
        """The word for where it is, `draft` first."""
        return str(self.progress["state"])

    @property
    def is_over(self) -> bool:
        """Whether nothing of it will be sent any more."""
        return self.state in OVER

    @property
    def kept_until_ms(self) -> int:
        """When it is forgotten, by the store's time."""
        ended_ms = int(self.progress.get("since_ms", 0)) if self.is_over else 0
        return min(ended_ms or self.campaign.deadline_ms, self.campaign.deadline_ms) + KEPT_MS

    def to_json(self) -> dict[str, Any]:
        """As JSON values, its revision left out."""
        return {
            "campaign": write_campaign(self.campaign),
            "audience": None if self.audience is None else self.audience.to_json(),
            "progress": dict(self.progress),
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any], revision: int) -> CampaignRecord:
        """What `to_json` gave. Raises ValueError, LookupError or TypeError for whatever else."""
        audience = kept["audience"]
        return cls(
            campaign=_campaign_of(kept["campaign"]),
            revision=revision,
            audience=None if audience is None else Audience.from_json(audience),
            progress=kept["progress"],
        )


#: What a campaign is to become; None: it stays as it is.
Change = Callable[[CampaignRecord], CampaignRecord | None]


class Campaigns:
    """The campaigns of all portfolios of this store. Every method raises StoreUnavailable."""

    def __init__(self, client: StoreClient, portfolios: Iterable[str]) -> None:
        self._client = client
        self._keys = {portfolio: PortfolioKeys(portfolio) for portfolio in portfolios}

    async def create(self, campaign: Campaign) -> CampaignRecord | Full | None:
        """Keep a new campaign, as a draft; None when there is one of its id already."""
        draft = CampaignRecord(campaign)
        revision = await self._call(draft, draft, (), ())
        return replace(draft, revision=revision) if revision > 0 else Full(revision) if revision else None

    async def get(self, portfolio: str, campaign_id: str) -> CampaignRecord | None:
        """The campaign of this id; None when there is none, or it was forgotten."""
        with store_faults:
            found: Any = await self._client.get(self._keys[portfolio].campaign("record", campaign_id))
        return _read(found)

    async def ids(self, portfolio: str) -> tuple[str, ...]:
        """The ids of a portfolio's campaigns."""
        with store_faults:
            found: Any = await self._client.zrange(self._keys[portfolio].campaigns, 0, -1)
        return tuple(campaign_id.decode() for campaign_id in found)

    async def list(self, portfolio: str) -> list[CampaignRecord]:
        """Every campaign of a portfolio, the newest first."""
        return [*await self.read(portfolio, await self.ids(portfolio))]

    async def read(self, portfolio: str, campaign_ids: Iterable[str]) -> tuple[CampaignRecord, ...]:
        """Those of these campaigns that there are, the newest first."""
        names = [self._keys[portfolio].campaign("record", campaign_id) for campaign_id in campaign_ids]
        records: list[CampaignRecord] = []
        for begin in range(0, len(names), _READ_AT_ONCE):
            # To read an order takes longer than to fetch it: others have their turn in between.
            with store_faults:
                kept: Any = await self._client.mget(names[begin : begin + _READ_AT_ONCE])
            records += [record for record in map(_read, kept) if record is not None]
        records.sort(key=lambda record: (-record.campaign.created_at_ms, record.campaign.campaign_id))
        return tuple(records)

    async def change(self, portfolio: str, campaign_id: str, change: Change) -> CampaignRecord | None:
        """Change a campaign; what it is then, or None when there is none.

        `change` is asked again when somebody else was faster: it has to be a pure function.
        """
        for _ in range(_RACES):
            record = await self.get(portfolio, campaign_id)
            after = None if record is None else change(record)
            if record is None or after is None:
                return record
            written = await self.swap(record, after)
            if written is not None:
                return written
        raise StoreUnavailable(_TOO_FAST)

    async def swap(
        self, record: CampaignRecord, after: CampaignRecord, *, ending: Sequence[str] = (), over: Sequence[str] = ()
    ) -> CampaignRecord | None:
        """Put `after` in the place of `record`; None when that is no longer what is kept.

        In the same step keys that are `ending` get the campaign's own end, and those that are `over` go.
        """
        return await self._write(record, after, ending, over)

    async def delete(self, record: CampaignRecord) -> bool:
        """Forget a campaign and all that is kept of it; False when it was changed since it was read."""
        return await self._call(record, None, (), self._beside(record)) > 0

    async def _write(
        self,
        record: CampaignRecord,
        after: CampaignRecord,
        ending: Sequence[str] = (),
        over: Sequence[str] = (),
    ) -> CampaignRecord | None:
        # What is over goes sooner than it was to go at first.
        ending = [*ending, *self._beside(after)] if after.is_over else ending
        revision = await self._call(record, after, ending, over)
        return replace(after, revision=revision) if revision > 0 else None

    async def _call(
        self, record: CampaignRecord, after: CampaignRecord | None, ending: Sequence[str], over: Sequence[str]
    ) -> int:
        campaign = record.campaign
        name, keys = campaign.campaign_id, self._keys[campaign.portfolio]
        names = [keys.clock, keys.campaign("record", name), keys.campaigns, keys.campaigns_of(campaign.app)]
        kept = b"" if after is None else orjson.dumps(after.to_json())
        until_ms = (after or record).kept_until_ms
        args: list[str | bytes | int] = [name, record.revision, kept, until_ms, MOST_KEPT, MOST_OF_APP, len(ending)]
        call = secrets.token_hex(8)
        answer = await script("campaign_write").repeatable(self._client, [*names, *ending, *over], [*args, call])
        return int(answer[1])

    def _beside(self, record: CampaignRecord) -> Sequence[str]:
        """Where everything else is kept that goes with a campaign."""
        keys, name = self._keys[record.campaign.portfolio], record.campaign.campaign_id
        fates = [keys.campaign(kind, name) for kind in ("fates", "counts")]
        return fates if record.audience is None else [*fates, *audience_keys(keys, name, record.audience)]


def audience_keys(keys: PortfolioKeys, campaign_id: str, audience: Audience) -> list[str]:
    """Where the rows of an audience are kept, and the lines that were rejected."""
    groups = [
        keys.campaign("rows", campaign_id, audience.upload, group)
        for group, kept in enumerate(audience.groups)
        if kept.chunks
    ]
    return [*groups, *([keys.campaign("errors", campaign_id, audience.upload)] if audience.errors else [])]


def _campaign_of(kept: Mapping[str, Any]) -> Campaign:
    """As `read_campaign`. It never changes, is read each second while it runs, and takes most of a record's reading."""
    written = orjson.dumps(kept)
    return _known_campaign(written) if len(written) <= _LONGEST_KNOWN else read_campaign(kept)


@functools.lru_cache(maxsize=MOST_KEPT)
def _known_campaign(written: bytes) -> Campaign:
    return read_campaign(orjson.loads(written))


def _read(kept: bytes | None) -> CampaignRecord | None:
    if kept is None:
        return None
    revision, _, text = bytes(kept).split(b" ", 2)
    try:
        return CampaignRecord.from_json(orjson.loads(text), int(revision))
    except (ValueError, LookupError, TypeError) as fault:
        # What another version has written, and this one can't read, is let be.
        log.error("campaign_unreadable", fault=type(fault).__name__)
        return None


_TOO_FAST: Final = "a campaign changes faster than it can be written"
