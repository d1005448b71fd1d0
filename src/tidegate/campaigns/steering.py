"""Moving campaigns from phase to phase: in their record, and in the standing, where every send meets it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import structlog

from tidegate.errors import StoreUnavailable
from tidegate.policy.campaign.phase import LIVE, OVER, STOPPED, Event, Phase
from tidegate.policy.campaign.run import Run
from tidegate.policy.campaign.spec import Campaign
from tidegate.policy.standing import CampaignStanding, Change
from tidegate.policy.verdict import Reason
from tidegate.store.campaigns import CampaignRecord, Campaigns
from tidegate.store.ledger import Ledger
from tidegate.store.standings import Standings

log = structlog.get_logger()

#: What the standing calls a campaign that is not stopped, whatever it waits for: only a stop is worth an epoch.
_GOES: Final = Phase.RUNNING.value
#: Whoever loses so many races for the standing in a row gives up.
_RACES: Final = 50


class Steering:
    """Moves campaigns. Every method raises StoreUnavailable; asked again, each does what was left undone.

    The record comes first, and the standing follows it: it is written under the epoch that was in force before the
    record was read. So nobody who has read it earlier opens what somebody else has stopped since.
    """

    def __init__(
        self,
        campaigns: Campaigns,
        standings: Standings,
        ledger: Ledger,
        settled: Callable[[], Awaitable[None]],
        rouse: Callable[[str, Sequence[str]], None],
    ) -> None:
        """`settled` returns when sends that were admitted before have started, or never will; `rouse` has what is held
        in a portfolio for these reasons asked again."""
        self._campaigns = campaigns
        self._standings = standings
        self._ledger = ledger
        self._settled = settled
        self._rouse = rouse
        #: Called when a campaign was moved, so that it is looked after at once.
        self.on_move: Callable[[], None] = lambda: None
        #: Called with the campaign that was moved, its run after that, what happened, and the app that asked for it.
        self.on_news: Callable[[Campaign, Run, Event, str], None] = lambda campaign, run, event, by: None

    async def move(self, record: CampaignRecord, event: Event, by: str = "", **values: Any) -> CampaignRecord | None:
        """The campaign after an event, with these values in its run; None where that is not possible (any more).

        `by`: the app that asks for it; "" for what the campaign's own course brings to the step that `record` is in.

        On return from a stop no send of the campaign can start, on any node.
        """
        campaign = record.campaign
        now_ms = (await self._ledger.books(campaign.portfolio, curve=False)).now_ms
        reached: list[Phase | None] = [None]
        told = {**values, "by": by} if by else values
        step = Run.from_json(record.progress).step

        def moved(known: CampaignRecord) -> CampaignRecord | None:
            before = Run.from_json(known.progress)
            # A node that has stalled says of a step that is long over that it is gone: the one that runs now is not.
            run = before.moved(event, now_ms, **told) if by or before.step == step else None
            reached[0] = None if run is None else run.phase
            return None if run is None else replace(known, progress=run.to_json())

        written = await self._campaigns.change(campaign.portfolio, campaign.campaign_id, moved)
        phase = reached[0]
        if written is None or phase is None:
            return None
        if phase in STOPPED or phase in OVER or event in _OPENS:
            await self.mirror(campaign.portfolio, campaign.campaign_id)
        log.info("campaign_moved", campaign_id=campaign.campaign_id, to=phase.value, by=by or "its runner")
        self.on_move()
        self.on_news(campaign, Run.from_json(written.progress), event, by)
        return written

    async def mirror(self, portfolio: str, campaign_id: str) -> None:
        """Have the standing say of a campaign what its record says; on return no send that this forbids can start.

        Of one that was deleted what it says stays until its deadline: a node that has slept may feed rows of it.
        """
        for _ in range(_RACES):
            await self._standings.look(portfolio)
            standing = await self._standings.current(portfolio)
            record = await self._campaigns.get(portfolio, campaign_id)
            now_ms = (await self._ledger.books(portfolio, curve=False)).now_ms
            known = standing.campaigns.get(campaign_id)
            if record is None:
                says, wanted = "deleted", known if known is not None and known.deadline_ms > now_ms else None
            else:
                phase = Run.from_json(record.progress).phase
                says, wanted = phase.value, standing_of(record.campaign, phase, now_ms)
            stops = wanted is not None and wanted.stopped
            change = Change(
                "campaign",
                campaign_id,
                {"campaign": None if wanted is None else _told(wanted)},
                "operator",
                now_ms,
                f"the campaign is {says}",
                tightens=stops,
            )
            if known == wanted or await self._standings.change_under(portfolio, standing.epoch, [change]):
                break
        else:
            raise StoreUnavailable("the standing changes faster than a campaign can be written into it")
        if record is None and wanted is None:
            await self._standings.forget_campaign(portfolio, campaign_id)
        if stops:
            await self._settled()
        elif known != wanted:
            self._rouse(portfolio, (Reason.CAMPAIGN_HALTED.value,))


#: Events after which the standing lets through what it did not before.
_OPENS: Final = frozenset({Event.START, Event.RESUME})


def _told(campaign: CampaignStanding) -> dict[str, Any]:
    told = {
        "state": campaign.state,
        "stopped": campaign.stopped,
        "deadline_ms": campaign.deadline_ms,
        "app": campaign.app,
    }
    return told if campaign.night is None else {**told, "night": list(campaign.night)}


def standing_of(campaign: Campaign, phase: Phase, now_ms: int) -> CampaignStanding | None:
    """What the standing says of a campaign; None: nothing, for nothing of it can be sent any more.

    One that was cancelled is stopped until its deadline: a node that has slept may still feed rows of it.
    """
    is_over = phase in OVER and (phase is not Phase.CANCELLED or campaign.deadline_ms <= now_ms)
    if is_over or (phase not in LIVE and phase is not Phase.CANCELLED):
        return None
    stopped = _stops(phase)
    return CampaignStanding(
        campaign.campaign_id,
        phase.value if stopped else _GOES,
        stopped,
        campaign.night,
        campaign.deadline_ms,
        campaign.app,
    )


def _stops(phase: Phase) -> bool:
    return phase in STOPPED
