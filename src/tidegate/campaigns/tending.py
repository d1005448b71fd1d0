"""One campaign moved as far as it goes now: begun, fed, its gates asked, ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from tidegate.campaigns.feeder import Fed, Feeder
from tidegate.campaigns.gate_readings import GateReadings, StepTimes
from tidegate.campaigns.mending import Mending
from tidegate.campaigns.steering import Steering
from tidegate.clock import StoreClock
from tidegate.policy.campaign.fate import TAKEN
from tidegate.policy.campaign.judgement import Outcome
from tidegate.policy.campaign.phase import Event, Phase
from tidegate.policy.campaign.run import Run
from tidegate.policy.campaign.spec import Campaign
from tidegate.store.campaigns import KEPT_MS, CampaignRecord, Campaigns
from tidegate.store.fates import Fates
from tidegate.store.standings import Standings

#: How soon rows that a step waits for are compared with their messages; then at growing spans.
_MEND_LAST_MS: Final = 2_000
#: A night is over by then, wherever it is.
_LEFT_AFTER_MS: Final = 86_400_000
#: Nodes know the store's time to within less than this.
_SURELY_OVER_MS: Final = 10_000
#: A gate is asked at least so often, and whenever the standing has changed: Meta may have spoken.
_JUDGE_MS: Final = 300_000


class Tending:
    """What each phase asks to be done. Raises StoreUnavailable, and for what is damaged LookupError, BrokenSeal.

    All of it may be done twice, and by two nodes at once: rows have fixed message ids, phases are moved by
    compare-and-set, fates only grow.
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
        clock: StoreClock,
        gates: GateReadings,
    ) -> None:
        self._campaigns = campaigns
        self._fates = fates
        self._feeder = feeder
        self._mending = mending
        self._steering = steering
        self._standings = standings
        self._clock = clock
        self._gates = gates
        #: When a campaign's gate is asked again, and the epoch of the standing under which it was asked last.
        self._judge_at: dict[str, tuple[int, int]] = {}
        #: By campaign and step: since when all of its rows have been fed, and when those that are left are mended next.
        self._last_rows: dict[tuple[str, int], tuple[int, int]] = {}
        self._tends: Mapping[Phase, Callable[[CampaignRecord, Run], Awaitable[CampaignRecord | None]]] = {
            Phase.SCHEDULED: self._scheduled,
            Phase.RUNNING: self._running,
            Phase.WAITING: self._waiting,
            Phase.PAUSED: self._stopped,
            Phase.HALTED: self._stopped,
            Phase.CANCELLING: self._cancelling,
        }

    async def tend(self, record: CampaignRecord, run: Run) -> CampaignRecord | None:
        """Do what there is to be done now; the campaign where that has moved it, None where it stays as it is."""
        tend = self._tends.get(run.phase)
        return None if tend is None else await tend(record, run)

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
            after = replace(seen, cursor=cursor, ahead=fed.ahead, step_began_ms=seen.step_began_ms or now_ms)
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
            record, Event.PASSED, verdicts=verdicts, step=run.step + 1, cursor=(), ahead=(), step_began_ms=0, gone_ms=0
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
        taken = 0 if gone_ms is None else await self._taken(campaign, run.step)
        times = StepTimes(run.started_ms, gone_ms, max(run.step_began_ms, run.resumed_ms), now_ms, taken)
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

    async def _taken(self, campaign: Campaign, step: int) -> int:
        """How many rows of a step Meta took, and has not refused since."""
        groups = [campaign.group(step, variant) for variant in range(len(campaign.variants))]
        counts = await self._fates.counts(campaign.portfolio, campaign.campaign_id)
        return sum(n for (group, fate), n in counts.items() if group in groups and fate in TAKEN)

    async def _stopped(self, record: CampaignRecord, run: Run) -> CampaignRecord | None:
        # Its messages expire at the deadline; until they surely have, the stop holds.
        is_late = self._clock.now_ms() >= record.campaign.deadline_ms + _SURELY_OVER_MS
        return await self._steering.move(record, Event.DEADLINE) if is_late else None

    async def _cancelling(self, record: CampaignRecord, run: Run) -> CampaignRecord | None:
        if self._clock.now_ms() >= record.campaign.deadline_ms + _SURELY_OVER_MS:
            return await self._steering.move(record, Event.DEADLINE)
        standing = await self._standings.current(record.campaign.portfolio)
        if standing.held_until_ms > self._clock.now_ms():
            return None
        beside = await self._feeder.ids_in_hand(record, run, standing)
        if await self._mending.cancel(record, beside):
            return None
        return await self._steering.move(record, Event.SWEPT)
