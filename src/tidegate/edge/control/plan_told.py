"""A plan as JSON values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tidegate.campaigns.planner import Plan
from tidegate.campaigns.wanted import Headcount
from tidegate.cloudapi.vocabulary import UNLIMITED, Category
from tidegate.edge.times import write_time, write_time_up
from tidegate.policy.capacity import category_places
from tidegate.policy.money import write_micros
from tidegate.policy.verdict import Reason

_HOUR_MS: Final = 3_600_000


def told_plan(plan: Plan, blocks: Mapping[str, str]) -> dict[str, Any]:
    """All of it; `blocks`: what keeps each number from a campaign now, as a sentence."""
    forecast, situation = plan.forecast, plan.situation
    waited = sorted(forecast.waited_ms.items(), key=lambda pair: -pair[1])
    return {
        "portfolio": situation.standing.portfolio,
        "as_of": write_time(situation.now_ms),
        "campaign": plan.wanted.campaign.campaign_id or None,
        "category": plan.category.value,
        "recipients": forecast.recipients,
        "looked_up": plan.looked_up,
        "starts_at": write_time(plan.itinerary.start_ms),
        "finish_at": _time(forecast.finish_ms),
        "finish_at_latest": _time(plan.at_latest_ms),
        "deadline": write_time(plan.itinerary.deadline_ms),
        "sent": forecast.sent,
        "refused": dict(forecast.refused),
        "unsent": dict(forecast.unsent),
        "held": [{"reason": why, "recipient_hours": ms // _HOUR_MS} for why, ms in waited if ms >= _HOUR_MS],
        "hours": [
            {
                "from": write_time(hour.from_ms),
                "sent": hour.sent,
                "refused": dict(hour.refused),
                "waiting": dict(hour.waiting),
                "left": _by_category(hour.left),
            }
            for hour in forecast.hours
        ],
        "steps": [
            {
                "name": leg.name,
                "recipients": leg.recipients,
                "begins_at": _time(leg.began_ms),
                "gone_at": _time(leg.gone_ms),
                "over_at": _time(leg.over_ms),
            }
            for leg in forecast.legs
        ],
        "numbers": [
            {"number": route.number, "sent": sum(n for s, n in forecast.by_sender.items() if s.number == route.number)}
            for route in plan.wanted.routes
        ],
        "limit": _limit(plan),
        "beside": [
            {
                "category": stream.category.value,
                "per_second": round(stream.per_second, 6),
                "recipients": stream.recipients,
                "refused": forecast.beside_refused.get(stream.category, 0),
            }
            for stream in plan.beside
        ],
        "cost": _cost(plan),
        "warnings": [{"code": code, "detail": detail} for code, detail in _warnings(plan, blocks)],
        "faster": [
            {"change": one.change, "detail": one.detail, "finish_at": _time(one.finish_ms)} for one in plan.faster
        ],
    }


def _limit(plan: Plan) -> dict[str, Any]:
    standing, forecast = plan.situation.standing, plan.forecast
    unlimited = standing.limit == UNLIMITED
    places = category_places(standing.limit, plan.category, standing.rules)
    return {
        "messaging_limit": None if unlimited else standing.limit,
        "used_now": plan.situation.used,
        "campaign_places": None if unlimited else places,
        "used_share": None if forecast.limit_used is None else round(forecast.limit_used, 6),
        "least_left": _by_category(forecast.least_left),
    }


def _cost(plan: Plan) -> dict[str, Any] | None:
    if plan.budget is None:
        return None
    priced = [cost for cost in plan.costs if cost.micros is not None]
    return {
        "currency": plan.budget.currency,
        "total": write_micros(sum(cost.micros or 0 for cost in priced)),
        "unpriced": sum(cost.sent for cost in plan.costs if cost.micros is None),
        "markets": [
            {"market": cost.market, "sent": cost.sent, "cost": write_micros(cost.micros or 0)} for cost in priced
        ],
    }


def _warnings(plan: Plan, blocks: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    forecast, standing = plan.forecast, plan.situation.standing
    yield from (("number_not_ready", f"{number}: {why}") for number, why in blocks.items())
    if forecast.unsent:
        left = sum(forecast.unsent.values())
        why = ", ".join(f"{count:,} for {reason}" for reason, count in sorted(forecast.unsent.items()))
        yield "not_finished", f"{left:,} recipients are left when it ends: they wait {why}"
    for category, refused in forecast.beside_refused.items():
        if refused:
            yield "beside_refused", f"up to {refused:,} {category.value} recipients at a time find no place beside it"
    waba = plan.wanted.routes[0].waba
    for variant in plan.wanted.campaign.variants:
        if standing.template(waba, variant.template.ref.name, variant.template.ref.language) is None:
            detail = f"the template of variant {variant.name} is not known here: taken for {plan.category.value}"
            yield "template_unknown", detail
    if forecast.waited_ms.get(Reason.BUDGET.value):
        yield "budget", "the budget holds it up"
    if not isinstance(plan.wanted.audience, Headcount) and plan.looked_up < forecast.recipients:
        asked = f"{plan.looked_up:,} of {forecast.recipients:,} recipients were looked up"
        yield "estimated", f"{asked}: how many are refused, or hold places, is estimated by them"


def _by_category(places: Mapping[Category, int] | None) -> dict[str, int] | None:
    return None if places is None else {category.value: places[category] for category in Category}


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else write_time_up(at_ms)
