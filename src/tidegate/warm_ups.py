"""Warm-ups roll over to their next day: done by one node, as soon as a day has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from tidegate.clock import StoreClock
from tidegate.cloudapi.vocabulary import Quality
from tidegate.errors import StoreUnavailable
from tidegate.policy.rule_table import Mode
from tidegate.policy.standing import Change, Standing
from tidegate.policy.verdict import Reason
from tidegate.policy.warm_up import WarmUp
from tidegate.policy.warming import Warming, number_id, tally_name, template_id
from tidegate.store.leases import Leases
from tidegate.store.standings import Standings
from tidegate.store.tallies import Tallies

#: How often a node looks whether a day has ended, in what it has in memory.
_LOOK_S: Final = 1.0
#: How many looks apart it asks the store what has begun.
_ASK_EVERY: Final = 10
_LEASE_MS: Final = 30_000
#: So many are written at once that the store is not kept from its sends.
_AT_ONCE: Final = 200

log = structlog.get_logger()


class WarmUps:
    """Notes the first day of what is young, the ratings that it gets, and what each day allows after the last one.

    Sends wait for none of this: an allowance that nobody has rolled over yet is the last day's, and a first day that
    nobody has noted yet goes on. Of two nodes that do it at once one writes.
    """

    def __init__(self, standings: Standings, tallies: Tallies, clock: StoreClock, leases: Leases) -> None:
        self._standings = standings
        self._tallies = tallies
        self._clock = clock
        self._leases = leases
        #: The epoch whose ratings were looked at last, by portfolio.
        self._rated: dict[str, int] = {}
        #: Called with the portfolio, and the reasons for which held messages may now go, when an allowance has grown.
        self.on_growth: Callable[[str, Sequence[str]], None] = lambda portfolio, reasons: None

    async def run(self) -> None:
        """Look until cancelled."""
        looks = 0
        while True:
            failed = False
            for portfolio in self._standings.portfolios:
                try:
                    await self._look(portfolio, ask=looks % _ASK_EVERY == 0)
                except StoreUnavailable as error:
                    log.warning("warm_ups_not_rolled", portfolio=portfolio, fault=str(error))
                    failed = True
            looks = 0 if failed else looks + 1
            await asyncio.sleep(_LOOK_S)

    async def _look(self, portfolio: str, *, ask: bool) -> None:
        standing = await self._standings.current(portfolio)
        if _plan(standing) is None or not (ask or self._has_news(standing)):
            return
        if await self._leases.hold(portfolio, "warm_ups", _LEASE_MS):
            await self.roll(portfolio)

    def _has_news(self, standing: Standing) -> bool:
        now_ms = self._clock.now_ms()
        if self._rated.get(standing.portfolio) != standing.epoch:
            # What changed is looked at closely once; then only time brings news.
            self._rated[standing.portfolio] = standing.epoch
            return True
        return any(warming.days_ended(now_ms) for warming in standing.warmings.values())

    async def roll(self, portfolio: str) -> None:
        """Write what there is to be written now. Raises StoreUnavailable."""
        standing = await self._standings.current(portfolio)
        plan = _plan(standing)
        if plan is None:
            return
        ratings, now_ms = _ratings(standing), self._clock.now_ms()
        subjects = {subject: warming.since_ms for subject, warming in standing.warmings.items()}
        changes, grown = [], False
        for subject, since_ms in (await self._tallies.begun(portfolio) | subjects).items():
            quality = ratings.get(subject, Quality.UNKNOWN)
            known = standing.warmings.get(subject)
            warming = (known or Warming.begun(plan, since_ms, quality)).seen(quality)
            ended = warming.days_ended(now_ms)
            used = await self._tallies.read(portfolio, [tally_name(subject, day) for day in ended])
            warming = warming.after(plan, used, quality, standing.limit)
            if warming != known:
                before = (known or warming).allowance(plan, standing.limit)
                tightens = warming.allowance(plan, standing.limit) < before
                grown = grown or len(used) > 0
                cause = f"day {warming.day + 1} of its warm-up"
                values = {"warm_up": warming.to_json()}
                changes.append(Change("warming", subject, values, "operator", now_ms, cause, tightens))
        if changes and await self._write(portfolio, standing.epoch, changes):
            log.info("warm_ups_rolled", portfolio=portfolio, changed=len(changes))
            if grown:
                self.on_growth(portfolio, (Reason.WARM_UP.value,))

    async def _write(self, portfolio: str, epoch: int, changes: Sequence[Change]) -> bool:
        """Whether any was written, under the standing that it rests on; what was not is seen to at the next look."""
        for first in range(0, len(changes), _AT_ONCE):
            if not await self._standings.change_under(portfolio, epoch, changes[first : first + _AT_ONCE]):
                return first > 0
            epoch = (await self._standings.current(portfolio)).epoch
        return True


def _plan(standing: Standing) -> WarmUp | None:
    rule = standing.rules.warm_up
    return None if rule is None or rule.mode is Mode.OFF else rule.plan


def _ratings(standing: Standing) -> dict[str, Quality]:
    numbers = {number_id(number.number): number.quality for number in standing.numbers.values()}
    templates = {
        template_id(template.waba, template.name, template.language): template.quality
        for template in standing.templates.values()
    }
    return numbers | templates
