"""What a plan says that a campaign will cost."""

from __future__ import annotations

from tests.factories import DAY_MS, NUMBER, TEMPLATE, WABA, make_rules, make_standing
from tests.unit.policy.rate_cards import market
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.plan import Cohort, Course, Itinerary, Sender, Situation
from tidegate.policy.plan.cost import MarketCost, costs_by_market
from tidegate.policy.pricing import SERVICE_CHARGED_SINCE_MS

NOW_MS = SERVICE_CHARGED_SINCE_MS + DAY_MS
CARD = {
    "currency": "USD",
    "markets": {"india": market("91") | {"marketing": "0.02"}, "brazil": market("55") | {"marketing": "0.06"}},
}


def cohort(recipients: int, market_name: str | None, digits: str, window_ends_ms: int = 0) -> Cohort:
    return Cohort(
        recipients=recipients,
        category=Category.MARKETING,
        template=TEMPLATE,
        senders=(Sender(WABA, NUMBER),),
        expires_at_ms=NOW_MS + DAY_MS,
        market=market_name,
        digits=digits,
        window_ends_ms=window_ends_ms,
    )


def test_what_is_sent_costs_what_the_card_says_and_what_is_not_sent_costs_nothing() -> None:
    rules = make_rules(budget={"amount": "3", "period": "month", "per": "portfolio", "rate_card": [CARD]})
    assert rules.budget is not None
    cohorts = [
        cohort(20, "india", "91"),
        cohort(5, "india", "91", window_ends_ms=NOW_MS + DAY_MS),
        cohort(10, "brazil", "55"),
        cohort(3, None, ""),
        cohort(1_000, "brazil", "55"),
    ]
    course = Course(Situation(NOW_MS, make_standing(rules=rules)), Itinerary(NOW_MS, NOW_MS + DAY_MS), cohorts)
    for _ in course.run():
        pass
    forecast = course.forecast()

    costs = costs_by_market(rules.budget, cohorts, forecast)

    by_market = {cost.market: cost for cost in costs}
    india, brazil = by_market["india"].sent, by_market["brazil"].sent
    assert by_market["india"] == MarketCost("india", india, india * 20_000)
    assert by_market["brazil"] == MarketCost("brazil", brazil, brazil * 60_000)
    assert by_market[None].micros is None
    assert india + brazil + by_market[None].sent == forecast.sent < forecast.recipients
    assert 2_500_000 < sum(cost.micros or 0 for cost in costs) <= 3_000_000
    assert costs[0].market == "brazil"
