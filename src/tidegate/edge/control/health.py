"""`GET /numbers/{number}/health`: the seven metrics of an account status page, and whether a campaign may start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from tidegate.cloudapi.vocabulary import UNLIMITED, Category
from tidegate.edge.calls import Call
from tidegate.edge.control.wallets import left_micros
from tidegate.edge.replies import Reply, json_reply
from tidegate.edge.times import write_time, write_time_up
from tidegate.gateway import Route
from tidegate.policy.capacity import Release, category_places, limit_places, release_curve, whole_places
from tidegate.policy.health import QUALITY_WORDS, PaymentMethod, Seen, account_status, payment_method
from tidegate.policy.health_advice import Money, advice_of
from tidegate.policy.money import write_micros
from tidegate.policy.readiness import Remark, remarks
from tidegate.policy.standing import AccountStanding, Standing
from tidegate.policy.tallies import included_tally
from tidegate.send_rates import Rate
from tidegate.store.ledger import Books

_DAY_MS: Final = 86_400_000
#: How far back a change of quality or status is looked for: far beyond the 7 days that matter.
_LOOK_BACK_DAYS: Final = 30
_MOST_EVENTS: Final = 2_000


async def number_health(call: Call) -> Reply:
    """How a number that the app may use stands."""
    return json_reply(await health_of(call, call.route(call.path("number"))))


async def health_of(call: Call, route: Route) -> dict[str, Any]:
    """How a number stands, as JSON values."""
    books = await call.books(route.portfolio)
    standing = await call.standing(route.portfolio, books)
    curve = await _curve(call, standing, books)
    turned_at_ms = await _turned_at_ms(call, route, books.now_ms)
    seen = Seen(standing, route.waba, route.number, books.now_ms, books.used, curve, turned_at_ms)
    quality = standing.number(route.number).quality
    limit = None if standing.limit == UNLIMITED else standing.limit
    rates = await call.services.send_rates.of(route.portfolio, [route.number])
    money = await _money(call, standing, route, books.now_ms)
    return {
        "number": route.number,
        "waba": route.waba,
        "portfolio": route.portfolio,
        "as_of": write_time(books.now_ms),
        "quality": {"word": QUALITY_WORDS[quality], "rating": quality.value},
        "account_status": account_status(seen).value,
        "messaging_limit": limit,
        "unlimited": limit is None,
        "limit_source": standing.limit_source,
        "payment_method": payment_method(seen).value,
        "included_conversations": money.included,
        "wallet_balance": None if money.balance_micros is None else write_micros(money.balance_micros),
        "daily_limit": {
            "limit": limit,
            "headroom": whole_places(standing.rules.headroom, standing.limit),
            "used": books.used,
            "left": None if limit is None else max(0, limit_places(limit, standing.rules) - books.used),
        },
        "throughput": throughput_told(standing.number(route.number).throughput, rates[route.number]),
        "campaign_readiness": _readiness(remarks(seen)),
        "account": account_told(standing.account(route.waba), payment_method(seen)),
        "metrics": [asdict(one) for one in advice_of(seen, money)],
    }


def throughput_told(allowed: int, rate: Rate | None) -> dict[str, Any]:
    """How much of the messages a second that a number may send it does send; `used` None: not measured yet."""
    if rate is None:
        return {"allowed": allowed, "used": None, "over_s": None}
    return {"allowed": allowed, "used": round(rate.per_second, 1), "over_s": round(rate.over_s, 1)}


async def _curve(call: Call, standing: Standing, books: Books) -> tuple[Release, ...]:
    """The release curve as far as marketing has to wait for a place."""
    places = category_places(standing.limit, Category.MARKETING, standing.rules)
    if standing.limit == UNLIMITED or books.used < places:
        return ()
    ahead = await call.services.ledger.books_freeing(standing.portfolio, books.used - places + 1)
    return tuple(release_curve(ahead.releases, books.now_ms))


def account_told(account: AccountStanding, payment: PaymentMethod) -> dict[str, Any]:
    """What Meta found of a WABA and the business behind it, and whether it can be charged."""
    return {
        "waba": account.waba,
        "review": account.review.value,
        "verification": account.verification.value,
        "payment_method": payment.value,
        "since": write_time(account.changed_at_ms) if account.changed_at_ms else None,
    }


async def _money(call: Call, standing: Standing, route: Route, now_ms: int) -> Money:
    """What is left to spend; nothing where no budget is configured, since Meta tells neither."""
    included = balance = None
    rule = standing.rules.budget
    if rule is not None and rule.included_conversations:
        name, _ = included_tally(rule, route.number, now_ms)
        [used] = await call.services.tallies.read(route.portfolio, [name])
        included = max(0, rule.included_conversations - used)
    if rule is not None and rule.wallet:
        balance = await left_micros(call, standing, route.waba)
    return Money(included, balance)


def _readiness(said: Sequence[Remark]) -> dict[str, Any]:
    reasons = [_told(remark) for remark in said if remark.blocks]
    notes = [_told(remark) for remark in said if not remark.blocks]
    return {"ready": not reasons, "reasons": reasons, "notes": notes}


def _told(remark: Remark) -> dict[str, Any]:
    return {
        "kind": remark.kind.value,
        "detail": remark.detail,
        "rule": remark.rule,
        "cause": remark.cause,
        "since": None if remark.since_ms is None else write_time(remark.since_ms),
        "until": None if remark.until_ms is None else write_time_up(remark.until_ms),
        "limit": None if remark.limit == UNLIMITED else remark.limit,
    }


async def _turned_at_ms(call: Call, route: Route, now_ms: int) -> int | None:
    """When the number's quality or status last changed; None: not within the days that are looked at."""
    from_ms = now_ms - _LOOK_BACK_DAYS * _DAY_MS
    events, more = await call.services.history.since(route.portfolio, from_ms, _MOST_EVENTS)
    for event in events:
        if (event.kind, event.key) == ("number", route.number) and event.field in ("quality", "status"):
            return event.at_ms
    # Of what is older than the oldest that was looked at nothing is known.
    return events[-1].at_ms if more else None
