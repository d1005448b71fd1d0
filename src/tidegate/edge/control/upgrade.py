"""`GET /portfolios/{id}/upgrade`: what is missing for the next messaging limit, and how to spread sends to get it."""

from __future__ import annotations

from typing import Any

from tidegate.cloudapi.vocabulary import UNLIMITED
from tidegate.edge.calls import Call
from tidegate.edge.replies import Reply, json_reply
from tidegate.edge.times import write_time
from tidegate.policy.climb import FIRST_STEP_DAYS
from tidegate.policy.plan.upgrade import Readiness, readiness
from tidegate.store.daily_use import DAY_MS


async def read_upgrade(call: Call) -> Reply:
    """The portfolio on its way up."""
    portfolio = call.portfolio(call.path("portfolio"))
    books = await call.books(portfolio)
    standing = await call.standing(portfolio, books)
    before = await call.services.daily_use.read(portfolio, books.now_ms, FIRST_STEP_DAYS - 1)
    ready = readiness(standing, [*before, books.used], books.now_ms)
    return json_reply(
        {
            "portfolio": portfolio,
            "as_of": write_time(books.now_ms),
            "messaging_limit": None if standing.limit == UNLIMITED else standing.limit,
            **_told(ready, books.now_ms),
        }
    )


def _told(ready: Readiness, now_ms: int) -> dict[str, Any]:
    way = ready.way
    first = now_ms // DAY_MS - len(ready.used_by_day) + 1
    return {
        "next_limit": None if way is None or way.next_limit == UNLIMITED else way.next_limit,
        "at_the_top": way is None,
        "ready": way is not None and way.done_together and ready.quality_is_high,
        "recipients": None
        if way is None
        else {
            "needed": way.needed,
            "days": way.days,
            "together": way.together,
            "best_day": way.best_day,
            "missing": ready.missing,
            "met_together": way.done_together,
            "met_in_a_day": way.done_in_a_day,
        },
        "by_day": [
            {"day": write_time((first + i) * DAY_MS)[:10], "recipients": count}
            for i, count in enumerate(ready.used_by_day)
        ],
        "quality": {
            "high": ready.quality_is_high,
            "obstacles": [
                {"kind": found.kind.value, "of": found.of, "detail": found.detail, "known": found.known}
                for found in ready.obstacles
            ],
        },
        "spread": [
            {"days": spread.days, "recipients_a_day": spread.recipients_a_day, "fits": spread.fits}
            for spread in ready.spreads
        ],
        "templates": list(ready.good_templates),
        "numbers": [{"number": number, "share": round(share, 6)} for number, share in ready.shares],
    }
