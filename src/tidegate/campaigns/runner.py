"""Campaigns are looked after: each when it is due, by one node at a time, and by two at worst."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

import structlog

from tidegate.campaigns.mending import Mending
from tidegate.campaigns.steering import Steering, standing_of
from tidegate.campaigns.tending import Tending
from tidegate.clock import StoreClock
from tidegate.errors import StoreUnavailable
from tidegate.policy.campaign.phase import LIVE, OVER, Phase
from tidegate.policy.campaign.run import Run
from tidegate.policy.standing import CampaignStanding
from tidegate.store.campaigns import CampaignRecord, Campaigns
from tidegate.store.leases import Leases
from tidegate.store.sealing import BrokenSeal
from tidegate.store.standings import Standings
from tidegate.tasks import spawn

#: How often a node looks after the campaigns that run; it also bounds how often.
_LOOK_MS: Final = 1_000
#: A node that dies leaves its campaigns for so long; what is in the queue goes on meanwhile.
_LEASE_MS: Final = 5_000
#: How often the campaigns are looked through for what the standing does not tell.
_ASK_MS: Final = 600_000
#: How often all rows are compared with their messages.
_MEND_MS: Final = 3_600_000
#: After its end a campaign is mended at growing spans, for as long as Meta repeats webhooks or a user reads late.
_MEND_AGAIN_MS: Final = 5_000
_MENDED_FOR_MS: Final = 8 * 86_400_000

log = structlog.get_logger()


class Runner:
    """Looks after the campaigns of all portfolios of one node. Any number of nodes may run one."""

    def __init__(
        self,
        *,
        campaigns: Campaigns,
        tending: Tending,
        mending: Mending,
        steering: Steering,
        standings: Standings,
        leases: Leases,
        clock: StoreClock,
    ) -> None:
        self._campaigns = campaigns
        self._tending = tending
        self._mending = mending
        self._steering = steering
        self._standings = standings
        self._leases = leases
        self._clock = clock
        self._alarm = asyncio.Event()
        self._looking = False
        self._leads: set[str] = set()
        self._ask_at_ms: dict[str, int] = {}
        #: When the fates of a campaign are mended next, by portfolio and id; of those that are over too.
        self._mend_at_ms: dict[tuple[str, str], int] = {}
        self._done: set[str] = set()

    @property
    def busy(self) -> bool:
        """Whether it looks after campaigns now, or was woken to."""
        return self._looking or self._alarm.is_set()

    def wake(self) -> None:
        """Look now, unless that has just been done."""
        self._alarm.set()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            since_ms, self._looking = self._clock.now_ms(), True
            self._alarm.clear()
            for portfolio in self._standings.portfolios:
                if self._has_work(portfolio, since_ms):
                    await spawn(self._look(portfolio), "campaigns")
            self._looking = False
            try:
                async with asyncio.timeout(_LOOK_MS / 1000):
                    await self._alarm.wait()
            except TimeoutError:
                continue
            await self._clock.sleep_until(since_ms + _LOOK_MS)

    def _has_work(self, portfolio: str, now_ms: int) -> bool:
        if self._standings.known(portfolio).campaigns or self._ask_at_ms.get(portfolio, 0) <= now_ms:
            return True
        return any(at_ms <= now_ms for (of, _), at_ms in self._mend_at_ms.items() if of == portfolio)

    async def _look(self, portfolio: str) -> None:
        try:
            standing = await self._standings.current(portfolio)
            if not await self._leases.hold(portfolio, "campaigns", _LEASE_MS):
                self._leads.discard(portfolio)
                self._ask_at_ms[portfolio] = self._clock.now_ms() + _LEASE_MS
                return
            if portfolio not in self._leads:
                # Whoever led before may have died with what it knew.
                self._leads.add(portfolio)
                self._ask_at_ms.pop(portfolio, None)
                self._mend_at_ms = {key: at_ms for key, at_ms in self._mend_at_ms.items() if key[0] != portfolio}
            now_ms = self._clock.now_ms()
            wanted = [name for name, one in standing.campaigns.items() if _needs_a_look(one, now_ms)]
            wanted += [name for (of, name), at_ms in self._mend_at_ms.items() if of == portfolio and at_ms <= now_ms]
            if self._ask_at_ms.get(portfolio, 0) <= now_ms:
                wanted += await self._campaigns.ids(portfolio)
                self._ask_at_ms[portfolio] = now_ms + _ASK_MS
            # A large campaign takes longer to mend than the lease lasts.
            keeping = spawn(self._keep_lease(portfolio), "campaigns' lease")
            try:
                for campaign_id in dict.fromkeys(wanted):
                    if campaign_id not in self._done or campaign_id in standing.campaigns:
                        await self._tend(portfolio, campaign_id)
            finally:
                keeping.cancel()
        except StoreUnavailable as error:
            log.warning("campaigns_not_looked_after", portfolio=portfolio, fault=str(error))

    async def _keep_lease(self, portfolio: str) -> None:
        while True:
            await asyncio.sleep(_LEASE_MS / 3000)
            with contextlib.suppress(StoreUnavailable):
                await self._leases.hold(portfolio, "campaigns", _LEASE_MS)

    async def _tend(self, portfolio: str, campaign_id: str) -> None:
        """Move a campaign as far as it goes now. Raises StoreUnavailable."""
        record = await self._campaigns.get(portfolio, campaign_id)
        if record is None:
            await self._gone(portfolio, campaign_id)
        try:
            while record is not None:
                run = Run.from_json(record.progress)
                await self._mirrored(record, run)
                await self._mended(record, run)
                record = await self._tending.tend(record, run)
        except (BrokenSeal, LookupError, ValueError) as fault:
            # Damaged, or another release's: it keeps none of the others from going on.
            log.error("campaign_not_run", campaign_id=campaign_id, fault=type(fault).__name__)

    async def _gone(self, portfolio: str, campaign_id: str) -> None:
        """See to it that nothing is left of a campaign that was deleted or forgotten."""
        self._mend_at_ms.pop((portfolio, campaign_id), None)
        known = self._standings.known(portfolio).campaigns.get(campaign_id)
        if known is not None and known.deadline_ms <= self._clock.now_ms():
            await self._steering.mirror(portfolio, campaign_id)

    async def _mirrored(self, record: CampaignRecord, run: Run) -> None:
        """See to it that the standing says what the record says: whoever moved it may have died in between."""
        campaign, now_ms = record.campaign, self._clock.now_ms()
        standing = await self._standings.current(campaign.portfolio)
        wanted = standing_of(campaign, run.phase, now_ms)
        if standing.campaigns.get(campaign.campaign_id) != wanted:
            await self._steering.mirror(campaign.portfolio, campaign.campaign_id)

    async def _mended(self, record: CampaignRecord, run: Run) -> None:
        """Compare fates with messages, when it is time to."""
        campaign, now_ms = record.campaign, self._clock.now_ms()
        key = (campaign.portfolio, campaign.campaign_id)
        if run.phase in OVER and now_ms - run.since_ms > _MENDED_FOR_MS:
            self._mend_at_ms.pop(key, None)
            self._done.add(campaign.campaign_id)
            if campaign.campaign_id not in self._standings.known(campaign.portfolio).campaigns:
                await self._standings.forget_campaign(*key)
            return
        if run.phase is Phase.DRAFT or now_ms < self._mend_at_ms.get(key, 0):
            return
        if self._standings.known(campaign.portfolio).held_until_ms > now_ms:
            # The books are not whole: a message that is not there may be written down again.
            return
        mended = await self._mending.mend(record, all_open=True)
        if mended:
            log.info("campaign_mended", campaign_id=campaign.campaign_id, rows=mended)
        if run.phase in LIVE:
            self._mend_at_ms[key] = now_ms + _MEND_MS
            return
        self._mend_at_ms[key] = now_ms + max(_MEND_AGAIN_MS, now_ms - run.since_ms)


def _needs_a_look(campaign: CampaignStanding, now_ms: int) -> bool:
    """Whether there is more to be done for it than that it stays stopped."""
    return campaign.state != Phase.CANCELLED or campaign.deadline_ms <= now_ms
