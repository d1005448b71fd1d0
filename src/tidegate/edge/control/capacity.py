"""`GET /portfolios/{id}/capacity`: who can still be reached, and when the next places come free."""

from __future__ import annotations

from itertools import groupby
from typing import Any, Final

from tidegate.cloudapi.vocabulary import UNLIMITED, Category
from tidegate.edge.calls import Call
from tidegate.edge.replies import Reply, json_reply
from tidegate.edge.times import write_time, write_time_up
from tidegate.policy.capacity import Release, available, release_curve, share_places, whole_places
from tidegate.policy.standing import Standing
from tidegate.store.ledger import Books
from tidegate.store.send_queue import Lane

#: More releases than this are told by the minute.
EXACT_RELEASES: Final = 1_000
_MINUTE_MS: Final = 60_000
#: More places than there are: of the curve as much as there is.
_ANY: Final = 2**53


async def capacity(call: Call) -> Reply:
    """The capacity of one portfolio."""
    return json_reply(await capacity_of(call, call.portfolio(call.path("portfolio"))))


async def capacity_of(call: Call, portfolio: str) -> dict[str, Any]:
    """The capacity of a portfolio that the app may see, as JSON values."""
    books = await call.books(portfolio)
    standing = await call.standing(portfolio, books)
    ahead = await call.services.ledger.books_freeing(portfolio, _ANY)
    curve = release_curve(ahead.releases, books.now_ms)
    return {
        **places_of(portfolio, books, standing),
        "next_release_at": write_time_up(curve[0].at_ms) if curve else None,
        "releases": [{"at": write_time_up(release.at_ms), "places": release.places} for release in grouped(curve)],
        "queued": await _queued(call, portfolio),
        "limit_share": await _share(call, portfolio, standing),
    }


def places_of(portfolio: str, books: Books, standing: Standing) -> dict[str, Any]:
    """What a portfolio has left, as JSON values: its capacity without what comes free."""
    rules = standing.rules
    unlimited = standing.limit == UNLIMITED
    held = standing.held_until_ms > books.now_ms
    left = dict.fromkeys(Category, 0) if held else available(standing.limit, books.used, rules)
    return {
        "portfolio": portfolio,
        "as_of": write_time(books.now_ms),
        "messaging_limit": None if unlimited else standing.limit,
        "unlimited": unlimited,
        "limit_source": standing.limit_source,
        "headroom": whole_places(rules.headroom, standing.limit),
        "used": books.used,
        "available": None if unlimited else {c.value: left[c] for c in Category},
        "held_until": write_time_up(standing.held_until_ms) if held else None,
    }


def grouped(curve: list[Release]) -> list[Release]:
    """A curve short enough to be read: by the second, or by the minute at the last second that frees a place."""
    if len(curve) <= EXACT_RELEASES:
        return curve
    minutes = []
    for _, group in groupby(curve, key=lambda release: release.at_ms // _MINUTE_MS):
        releases = list(group)
        minutes.append(Release(releases[-1].at_ms, sum(release.places for release in releases)))
    return minutes


async def _share(call: Call, portfolio: str, standing: Standing) -> dict[str, Any] | None:
    """What the caller's own share of the limit is, and what is left of it; None where it has none."""
    share = call.app.limit_share
    if share is None:
        return None
    books = await call.services.ledger.books_freeing(portfolio, 1, call.app.name)
    places = share_places(share, standing.limit, standing.rules)
    unlimited = places == UNLIMITED
    curve = release_curve(books.releases, books.now_ms)
    return {
        "app": call.app.name,
        "places": None if unlimited else places,
        "used": books.used,
        "available": None if unlimited else max(0, places - books.used),
        "next_release_at": write_time_up(curve[0].at_ms) if curve else None,
    }


async def _queued(call: Call, portfolio: str) -> dict[str, Any]:
    numbers = [n.id for p, _, n in call.services.settings.numbers if p.id == portfolio]
    lanes = [Lane(number, category) for number in numbers for category in Category]
    counts = dict.fromkeys((category.value for category in Category), 0)
    for state in await call.services.queue.lanes(portfolio, lanes):
        counts[state.lane.category.value] += state.due + state.waiting_for_place
    return counts
