"""What was sent before a change for the worse, as `GET /quality` tells it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tidegate.edge.calls import Call
from tidegate.policy.early_warning import Plan
from tidegate.policy.fall import Place, is_fall, place_of
from tidegate.policy.outcome_scope import Kind, OutcomeScope
from tidegate.policy.sent_before import DAY_MS, Hours, Sent, hours_before, ranked
from tidegate.policy.warning_counts import KEEP_MS, Day
from tidegate.policy.warning_metric import Counter
from tidegate.store.outcome_counts import Cell
from tidegate.store.standing_history import StandingEvent

_SPANS: Final = {"last_24h": DAY_MS, "last_7d": 7 * DAY_MS}
_LISTS: Final = {Kind.SENT_TEMPLATE: "templates", Kind.SENT_CAMPAIGN: "campaigns", Kind.SENT_APP: "apps"}
#: Of each list.
_MOST: Final = 20
#: Names of one list that are compared: those that were sent last.
_MOST_NAMES: Final = 200
#: Reports of one answer: the newest.
_MOST_REPORTS: Final = 20
_COUNTERS: Final = (
    Counter.SENT,
    Counter.DELIVERED,
    Counter.READ,
    Counter.FAILED,
    Counter.WITHHELD,
    Counter.DROPPED,
    Counter.OPTED_OUT,
)
_PLAN: Final = Plan()


@dataclass(slots=True)
class _Portfolio:
    """What was read of one portfolio so far."""

    now_ms: int
    scopes: list[OutcomeScope]
    days: dict[Cell, Day] = field(default_factory=dict)
    known: set[Cell] = field(default_factory=set)


class SentBefore:
    """The reports of one answer; they share what is read for them. Raises StoreUnavailable."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._counts = call.services.history.sent
        self._portfolios: dict[str, _Portfolio] = {}
        self._reports: dict[tuple[str, Place, int], dict[str, Any]] = {}

    async def of(self, portfolio: str, event: StandingEvent) -> dict[str, Any]:
        """`sent_before` of a change for the worse, null when its counts are gone; nothing for any other change."""
        if not is_fall(event.kind, event.field, event.before, event.after):
            return {}
        # A source's own time may be long past when it was only learned of later, such as by a first read.
        at_ms = min(event.at_ms, max(event.since_ms, event.at_ms - DAY_MS))
        read = await self._portfolio(portfolio)
        place = place_of(event.kind, event.key)
        key = portfolio, place, hours_before(at_ms, 0).last
        if key not in self._reports:
            is_kept = at_ms - _SPANS["last_7d"] > read.now_ms - KEEP_MS + DAY_MS
            if not is_kept or len(self._reports) == _MOST_REPORTS:
                return {"sent_before": None}
            self._reports[key] = await self._report(portfolio, read, place, at_ms)
        return {"sent_before": self._reports[key]}

    async def _portfolio(self, portfolio: str) -> _Portfolio:
        read = self._portfolios.get(portfolio)
        if read is None:
            news = await self._counts.news(portfolio, 0)
            scopes = [scope for scope in news.scopes if scope.kind in _LISTS]
            read = self._portfolios[portfolio] = _Portfolio(news.now_ms, scopes)
        return read

    async def _report(self, portfolio: str, read: _Portfolio, place: Place, at_ms: int) -> dict[str, Any]:
        report: dict[str, Any] = {span: {} for span in _SPANS}
        longest = hours_before(at_ms, max(_SPANS.values()))
        for kind, title in _LISTS.items():
            days = await self._days(portfolio, read, self._named(read, kind, place), longest)
            for span, ms in _SPANS.items():
                # In a thread: with many names it takes longer than a send should wait.
                sent = await asyncio.to_thread(ranked, days, hours_before(at_ms, ms), read.now_ms, _PLAN)
                report[span][title] = [_told(kind, one) for one in sent[:_MOST]]
        return report

    def _named(self, read: _Portfolio, kind: Kind, place: Place) -> dict[str, list[OutcomeScope]]:
        """The scopes of a kind that went out by those numbers of a place that the app may use, by name."""
        named: dict[str, list[OutcomeScope]] = {}
        for scope in read.scopes:
            if scope.kind is kind and self._is_at(scope, place):
                if scope.value not in named and len(named) == _MOST_NAMES:
                    continue
                named.setdefault(scope.value, []).append(scope)
        return named

    def _is_at(self, scope: OutcomeScope, place: Place) -> bool:
        route = self._call.grants.route(self._call.app, scope.of)
        return route is not None and place.number in (None, route.number) and place.waba in (None, route.waba)

    async def _days(
        self, portfolio: str, read: _Portfolio, named: Mapping[str, list[OutcomeScope]], hours: Hours
    ) -> dict[str, list[dict[int, Day]]]:
        cells = [(scope, day) for scopes in named.values() for scope in scopes for day in hours.days]
        missing = [cell for cell in cells if cell not in read.known]
        read.days |= await self._counts.days(portfolio, missing)
        read.known |= set(missing)
        return {
            name: [{day: read.days.get((scope, day), {}) for day in hours.days} for scope in scopes]
            for name, scopes in named.items()
        }


def _told(kind: Kind, sent: Sent) -> dict[str, Any]:
    return {
        **_name(kind, sent.name),
        **{counter.value: sent.sums.get(counter, 0) for counter in _COUNTERS},
        "worst": sent.worst.value if sent.worst else None,
        "rate": round(sent.rate, 4) if sent.worst else None,
        "usual": round(sent.usual, 4) if sent.worst else None,
        "evidence": round(sent.log_evidence, 1),
    }


def _name(kind: Kind, name: str) -> dict[str, str]:
    match kind:
        case Kind.SENT_CAMPAIGN:
            return {"campaign": name}
        case Kind.SENT_APP:
            return {"app": name}
        case _:
            waba, language, template = name.split(":", 2)
            return {"waba": waba, "template": template, "language": language}
