"""The overview: what is stopped, why, until when, and what to do; below it each portfolio with what it has left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tidegate.cloudapi.vocabulary import Category
from tidegate.edge.calls import Call
from tidegate.edge.control.campaigns import may_see
from tidegate.edge.control.capacity import places_of
from tidegate.edge.control.pauses import SCOPES
from tidegate.edge.control.queue import queue_of
from tidegate.edge.control.standing import standing_of
from tidegate.edge.dashboard.charts.times import clock
from tidegate.edge.dashboard.pace import paced
from tidegate.edge.dashboard.stops import Stop, by_subject, of_books, of_breakers, of_campaign, of_pauses, of_the_store
from tidegate.errors import StoreUnavailable
from tidegate.store.releases_ahead import Ahead

_MINUTE_MS: Final = 60_000
#: (name, tone) of a limit's parts, in the order in which they are stacked.
_USED, _FREE, _UTILITY, _CODES, _HEADROOM = "1", "good", "2", "3", "calm"


async def gather(call: Call) -> dict[str, Any]:
    """The stops and the portfolios of all that the app may use."""
    told = {"categories": [category.value for category in Category], "scopes": SCOPES}
    portfolios = call.grants.portfolios(call.app)
    try:
        return {**told, **await _gathered(call, portfolios)}
    except StoreUnavailable:
        stops = [of_the_store(portfolio) for portfolio in portfolios]
        return {**told, "stops": by_subject(stops), "portfolios": []}


async def _gathered(call: Call, portfolios: tuple[str, ...]) -> dict[str, Any]:
    standing, queue = await standing_of(call), await queue_of(call)
    stops = [
        *of_books(standing["portfolios"]),
        # Before a pause of one: it knows the campaign's name.
        *await _of_campaigns(call, portfolios),
        *of_pauses(standing["pauses"]),
        *of_breakers(standing["breakers"]),
    ]
    return {
        "stops": by_subject(stops),
        "portfolios": [await _portfolio(call, portfolio, standing, queue) for portfolio in portfolios],
    }


async def _of_campaigns(call: Call, portfolios: tuple[str, ...]) -> list[Stop]:
    found = []
    for portfolio in portfolios:
        standing = await call.standing(portfolio, await call.books(portfolio))
        # Each second all the campaigns that there ever were would be too much to read.
        stopped = [campaign.campaign_id for campaign in standing.campaigns.values() if campaign.stopped]
        records = await call.services.campaigns.read(portfolio, stopped)
        found += [of_campaign(record) for record in records if may_see(call, record)]
    return [stop for stop in found if stop is not None]


async def _portfolio(
    call: Call, portfolio: str, standing: Mapping[str, Any], queue: Mapping[str, Any]
) -> dict[str, Any]:
    books = await call.books(portfolio)
    capacity = places_of(portfolio, books, await call.standing(portfolio, books))
    return {
        "id": portfolio,
        "capacity": capacity,
        "parts": _parts(capacity),
        "coming_free": None
        if capacity["unlimited"]
        else coming_free(await call.services.releases_ahead.look(portfolio, books.now_ms)),
        "queue": [_waiting(category.value, portfolio, queue["lanes"]) for category in Category],
        "numbers": await paced(call, (one for one in standing["numbers"] if one["portfolio"] == portfolio)),
    }


def coming_free(ahead: Ahead) -> str:
    """What comes free within the hour, in words that stay the same until it is read again."""
    if ahead.first_at_ms is None:
        return "No place comes free within the hour."
    # Up to the minute: nobody is told of a place before it is there.
    minute_ms = -(-ahead.first_at_ms // _MINUTE_MS) * _MINUTE_MS
    places = f"{ahead.places:,} place{' comes' if ahead.places == 1 else 's come'} free within the hour"
    return f"{places}, the first by {clock(minute_ms)} UTC."


def _parts(capacity: Mapping[str, Any]) -> list[tuple[str, int, str]]:
    """What a limit is made of: (name, places, tone)."""
    left = capacity["available"]
    if left is None:
        return []
    codes, utility, marketing = (left[category.value] for category in Category)
    return [
        ("used", capacity["used"], _USED),
        ("free for all", marketing, _FREE),
        ("kept for utility", utility - marketing, _UTILITY),
        ("kept for codes", codes - utility, _CODES),
        ("headroom", capacity["headroom"], _HEADROOM),
    ]


def _waiting(category: str, portfolio: str, lanes: list[dict[str, Any]]) -> dict[str, Any]:
    """What waits of one category, over all numbers of a portfolio."""
    mine = [
        lane for lane in lanes if (lane["portfolio"], lane["category"]) == (portfolio, category) and lane["waiting"]
    ]
    return {
        "category": category,
        "waiting": sum(lane["waiting"] for lane in mine),
        "oldest_at": min((lane["oldest_at"] for lane in mine if lane["oldest_at"]), default=None),
        "next_attempt_at": min((lane["next_attempt_at"] for lane in mine if lane["next_attempt_at"]), default=None),
        "reasons": sorted({lane["reason"] for lane in mine if lane["reason"]}),
    }
