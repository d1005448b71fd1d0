"""Campaigns run: what is due is begun, fed, judged and ended; by one node at a time, and by two at worst."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import structlog

from tidegate.campaigns.feeder import Fed, Feeder
from tidegate.campaigns.gate_readings import GateReadings, StepTimes
from tidegate.campaigns.mending import Mending
from tidegate.campaigns.steering import Steering, standing_of
from tidegate.clock import StoreClock
from tidegate.errors import StoreUnavailable
from tidegate.policy.campaign.judgement import Outcome
from tidegate.policy.campaign.phase import LIVE, OVER, Event, Phase
from tidegate.policy.campaign.run import Run
from tidegate.policy.standing import CampaignStanding
from tidegate.store.campaigns import KEPT_MS, CampaignRecord, Campaigns
from tidegate.store.fates import Fates
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
#: How soon rows that a step waits for are compared with their messages, then at growing spans; and how often all are.
_MEND_LAST_MS: Final = 2_000
_MEND_MS: Final = 3_600_000
#: A night is over by then, wherever it is.
_LEFT_AFTER_MS: Final = 86_400_000
#: After its end a campaign is mended at growing spans, for as long as Meta repeats webhooks or a user reads late.
_MEND_AGAIN_MS: Final = 5_000
_MENDED_FOR_MS: Final = 8 * 86_400_000
#: Nodes know the store's time to within less than this.
_SURELY_OVER_MS: Final = 10_000
#: A gate is asked at least so often, and whenever the standing has changed: Meta may have spoken.
_JUDGE_MS: Final = 300_000

log = structlog.get_logger()


class Runner:
    """Looks after the campaigns of all portfolios of one node. Any number of nodes may run one.

    Everything that it does may be done twice, and by two nodes at once: rows have fixed message ids, phases are moved
    by compare-and-set, fates only grow.
    """

    def __init__(
        self,
        *,
        campaigns: Campaigns,
        fates: Fates,
        feeder: Feeder,
        mending: Mending,
        steering: Steering,
        standings: Standings,
        leases: Leases,
        clock: StoreClock,
        gates: GateReadings,
    ) -> None:
        self._campaigns = campaigns
        self._fates = fates
        self._feeder = feeder
        self._mending = mending
        self._steering = steering
        self._standings = standings
        self._leases = leases
        self._clock = clock
        self._gates = gates
        self._alarm = asyncio.Event()
        self._looking = False
        self._leads: set[str] = set()
        self._ask_at_ms: dict[str, int] = {}
        #: When the fates of a campaign are mended next, by portfolio and id; of those that are over too.
        self._mend_at_ms: dict[tuple[str, str], int] = {}
        #: When a campaign's gate is asked again, and the epoch of the standing under which it was asked last.
        self._judge_at: dict[str, tuple[int, int]] = {}
        #: By campaign and step: since when all of its rows have been fed, and when those that are left are mended next.
        self._last_rows: dict[tuple[str, int], tuple[int, int]] = {}
        self._done: set[str] = set()
        self._tends: Mapping[Phase, Callable[[CampaignRecord, Run], Awaitable[CampaignRecord | None]]] = {
            Phase.SCHEDULED: self._scheduled,
            Phase.RUNNING: self._running,
            Phase.WAITING: self._waiting,
            Phase.PAUSED: self._stopped,
            Phase.HALTED: self._stopped,
            Phase.CANCELLING: self._cancelling,
        }

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
        try:
            while record is not None:
                run = Run.from_json(record.progress)
                await self._mirrored(record, run)
                await self._mended(record, run)
                tend = self._tends.get(run.phase)
                record = await tend(record, run) if tend is not None else None
        except (BrokenSeal, LookupError, ValueError) as fault:
            # Damaged, or another release's: it keeps none of the others from going on.
            log.error("campaign_not_run", campaign_id=campaign_id, fault=type(fault).__name__)

    async def _scheduled(self, record: CampaignRecord, run: Run) -> CampaignRecord | None:
        campaign, now_ms = record.campaign, self._clock.now_ms()
        if now_ms >= campaign.deadline_ms:
            return await self._steering.move(record, Event.DEADLINE)
        if now_ms < (campaign.start_at_ms or 0) or record.audience is None:
            return None
        until_ms = campaign.deadline_ms + KEPT_MS
        await self._fates.open(campaign.portfolio, campaign.campaign_id, record.audience.rows, until_ms)
        return await self._steering.move(record, Event.DUE, started_ms=run.started_ms or now_ms)

    async def _running(self, record: CampaignRecord, run: Run) -> CampaignRecord | None:
        campaign, now_ms = record.campaign, self._clock.now_ms()
        if now_ms >= campaign.deadline_ms:
            return await self._steering.move(record, Event.DEADLINE)
        standing = await self._standings.current(campaign.portfolio)
        if standing.held_until_ms > now_ms:
            # The books are not whole: what was queued before may not be known to have been.
            return None
        fed = await self._feeder.feed(record, run, standing, now_ms)
        after = await self._fed(record, run, fed, now_ms)
        if after is None:
            return None
        # What there is room for besides is fed at the next look: others have their turn, and its gate is asked.
        if fed.is_all and await self._is_gone(after, run, now_ms):
            return await self._steering.move(after, Event.STEP_GONE, gone_ms=now_ms)
        return await self._judged(after, run, None, now_ms)

    async def _fed(self, record: CampaignRecord, run: Run, fed: Fed, now_ms: int) -> CampaignRecord | None:
        """The campaign with the cursor where the feeder has left it; it may have been moved meanwhile."""

        def fed_on(known: CampaignRecord) -> CampaignRecord | None:
            seen = Run.from_json(known.progress)
            if seen.step != run.step:
                return None
            cursor = tuple(map(max, seen.cursor or fed.cursor, fed.cursor))
            after = replace(seen, cursor=cursor, step_began_ms=seen.step_began_ms or now_ms)
            return None if after == seen else replace(known, progress=after.to_json())

        return await self._campaigns.change(record.campaign.portfolio, record.campaign.campaign_id, fed_on)

    async def _is_gone(self, record: CampaignRecord, run: Run, now_ms: int) -> bool:
        """Whether no row of the step (after the last: of any) is queued, or on its way to Meta.

        A step waits a day for those that are held for their users' sake: one who may never be written to would else
        keep all later steps from being sent. They stay queued, and go when they may.
        """
        campaign = record.campaign
        is_last = run.step == len(campaign.steps) - 1
        groups = [campaign.group(run.step, variant) for variant in range(len(campaign.variants))]
        if not await self._mending.in_hand(campaign, None if is_last else groups):
            return True
        # What keeps the step may have gone by a node that died before it said so; or it waits for the morning.
        began_ms, mend_at_ms = self._last_rows.get((campaign.campaign_id, run.step), (now_ms, now_ms + _MEND_LAST_MS))
        if now_ms >= mend_at_ms:
            await self._mending.mend(record, all_open=False)
            is_late = not is_last and run.step_began_ms and now_ms - run.step_began_ms > _LEFT_AFTER_MS
            if is_late and await self._mending.is_left_to_users(record, groups):
                return True
            mend_at_ms = now_ms + max(_MEND_LAST_MS, (now_ms - began_ms) // 2)
        self._last_rows[campaign.campaign_id, run.step] = (began_ms, mend_at_ms)
        return False

    async def _waiting(self, record: CampaignRecord, run: Run) -> CampaignRecord | None:
        campaign, now_ms = record.campaign, self._clock.now_ms()
        if now_ms >= campaign.deadline_ms:
            return await self._steering.move(record, Event.DEADLINE)
        if run.step == len(campaign.steps) - 1:
            return await self._steering.move(record, Event.PASSED_LAST)
        if campaign.steps[run.step].gate is None or run.is_waived:
            return await self._next_step(record, run, run.verdicts)
        return await self._judged(record, run, run.gone_ms, now_ms)

    async def _next_step(self, record: CampaignRecord, run: Run, verdicts: Mapping[str, Any]) -> CampaignRecord | None:
        return await self._steering.move(
            record, Event.PASSED, verdicts=verdicts, step=run.step + 1, cursor=(), step_began_ms=0, gone_ms=0
        )

    async def _judged(
        self, record: CampaignRecord, run: Run, gone_ms: int | None, now_ms: int
    ) -> CampaignRecord | None:
        """The campaign after its gate was asked; None where that moves it nowhere."""
        campaign = record.campaign
        if campaign.steps[run.step].gate is None or run.is_waived or not run.step_began_ms:
            return None
        epoch = self._standings.known(campaign.portfolio).epoch
        at_ms, seen = self._judge_at.get(campaign.campaign_id, (0, epoch))
        if now_ms < at_ms and seen == epoch:
            return None
        times = StepTimes(run.started_ms, gone_ms, max(run.step_began_ms, run.resumed_ms), now_ms)
        told = await self._gates.judge(campaign, run.step, times)
        if told is None:
            return None
        at_ms = min(told.look_again_at_ms or now_ms + _JUDGE_MS, now_ms + _JUDGE_MS)
        self._judge_at[campaign.campaign_id] = (at_ms, epoch)
        verdicts = {**run.verdicts, str(run.step): told.to_json()}
        if told.outcome is Outcome.FAIL:
            return await self._steering.move(record, Event.FAILED, evidence=told.to_json(), verdicts=verdicts)
        if told.outcome is Outcome.PASS and gone_ms is not None:
            return await self._next_step(record, run, verdicts)
        return None

    async def _stopped(self, record: CampaignRecord, run: Run) -> CampaignRecord | None:
        # Its messages expire at the deadline; until they surely have, the stop holds.
        is_late = self._clock.now_ms() >= record.campaign.deadline_ms + _SURELY_OVER_MS
        return await self._steering.move(record, Event.DEADLINE) if is_late else None

    async def _cancelling(self, record: CampaignRecord, run: Run) -> CampaignRecord | None:
        if self._clock.now_ms() >= record.campaign.deadline_ms + _SURELY_OVER_MS:
            return await self._steering.move(record, Event.DEADLINE)
        beside = await self._feeder.ids_in_hand(record, run, await self._standings.current(record.campaign.portfolio))
        if await self._mending.cancel(record, beside):
            return None
        return await self._steering.move(record, Event.SWEPT)

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
