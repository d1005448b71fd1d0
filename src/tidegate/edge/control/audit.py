"""`GET /audit`: who did what, when and why; for reading, and for checking the chain."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from tidegate.edge.calls import Call
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.replies import Reply, json_reply
from tidegate.edge.times import read_time
from tidegate.policy.fall import Place, place_of
from tidegate.store.audit import GATEWAY, Entry

_MOST: Final = 1_000
_USUAL: Final = 100
_PAGE: Final = 500
#: So many entries are looked at for one answer: filters may let few of them through.
_MOST_LOOKED_AT: Final = 20_000
_NUMBER: Final = re.compile(r"[0-9]{1,15}")
_FILTERS: Final = ("act", "app", "since", "until")
_KNOWN: Final = frozenset({*_FILTERS, "portfolio", "limit", "after", "before"})

_Filter = Callable[[Mapping[str, Any]], bool]


async def read_audit(call: Call) -> Reply:
    """What was done, the newest first; with `after` the chain of one portfolio as it was written."""
    unknown = set(call.request.query) - _KNOWN
    if unknown:
        raise Denial(Kind.BAD_REQUEST, f"query: may have {', '.join(sorted(_KNOWN))}, and nothing else")
    limit = _limit(call.query("limit"))
    if call.query("after") is not None:
        return await _chain(call, limit)
    return json_reply(await audit_of(call, limit))


async def _chain(call: Call, limit: int) -> Reply:
    """Entries from a number on, none left out: of those that the app may not see there is the link alone."""
    if any(call.query(name) is not None for name in (*_FILTERS, "before")):
        raise Denial(Kind.BAD_REQUEST, "query after: tells the whole chain, and goes with portfolio and limit alone")
    place = _place(call, call.query("portfolio") or "")
    found = await call.services.audit.page(place, after=_number(call.query("after"), "after"), most=limit)
    told = [_told(entry) if _may_see(call, entry.words) else _link(entry) for entry in found]
    return json_reply({"entries": told, "next": str(found[-1].seq) if len(found) == limit else None})


async def audit_of(call: Call, limit: int) -> dict[str, Any]:
    """So many entries that the query's filters let through, the newest first, as JSON values. Raises Denial."""
    wanted, passes = call.query("portfolio"), _filter(call)
    places = _places(call) if wanted is None else (_place(call, wanted),)
    cursor = _cursor(call.query("before"), places)
    found: list[tuple[str, Entry]] = []
    left = _MOST_LOOKED_AT
    for place in places:
        taken, before = 0, cursor.get(place)
        while taken < limit and left > 0:
            asked = min(_PAGE, left)
            page = await call.services.audit.page_back(place, before=before, most=asked)
            left -= len(page)
            fitting = [(place, entry) for entry in page if _may_see(call, entry.words) and passes(entry.words)]
            found += fitting
            taken += len(fitting)
            cursor[place] = before = page[-1].seq if page else 1
            if len(page) < asked:
                cursor[place] = 1
                break
    found.sort(key=lambda pair: (pair[1].words["at"], pair[1].seq), reverse=True)
    for place, entry in found[limit:]:
        # What is left for the next page begins with the newest of each that did not fit.
        cursor[place] = max(cursor[place], entry.seq + 1)
    more = any(cursor.get(place, 2) > 1 for place in places)
    told = ",".join(f"{place}:{seq}" for place, seq in sorted(cursor.items()))
    return {"entries": [_told(entry) for _, entry in found[:limit]], "next": told if more else None}


def _told(entry: Entry) -> dict[str, Any]:
    return {**entry.words, "prev": entry.prev, "hash": entry.hash}


def _link(entry: Entry) -> dict[str, Any]:
    return {"seq": entry.seq, "prev": entry.prev, "hash": entry.hash}


def _places(call: Call) -> tuple[str, ...]:
    # What concerns the whole gateway is for those who are not held to some of its numbers.
    return (*call.grants.portfolios(call.app), *((GATEWAY,) if call.app.numbers is None else ()))


def _place(call: Call, wanted: str) -> str:
    if wanted not in _places(call):
        raise Denial(Kind.NOT_FOUND, "no such portfolio")
    return wanted


def _may_see(call: Call, words: Mapping[str, Any]) -> bool:
    """Whether what it was done to is the app's, or the whole portfolio's.

    What concerns one user or one app concerns whoever may use the numbers of the app that did it, or that it was done
    to: a key's fingerprint and its address are no neighbour's business.
    """
    target = words["target"]
    whose = words["by"]["app"] if "recipient" in target else target.get("app")
    if whose is not None and not call.grants.covers(call.app, whose):
        return False
    place = place_of("breaker", target["breaker"]) if "breaker" in target else Place()
    number, waba = target.get("number", place.number), target.get("waba", place.waba)
    if number is not None and call.grants.route(call.app, number) is None:
        return False
    return waba is None or waba in call.grants.wabas(call.app)


def _filter(call: Call) -> _Filter:
    act, app = call.query("act"), call.query("app")
    since, until = (_time_ms(call.query(name), name) for name in ("since", "until"))

    def passes(words: Mapping[str, Any]) -> bool:
        at_ms = read_time(words["at"]) or 0
        if act is not None and words["act"] != act and not words["act"].startswith(f"{act}."):
            return False
        if app is not None and words["by"]["app"] != app:
            return False
        return (since is None or at_ms >= since) and (until is None or at_ms < until)

    return passes


def _time_ms(given: str | None, name: str) -> int | None:
    if given is None:
        return None
    at_ms = read_time(given)
    if at_ms is None:
        raise Denial(Kind.BAD_REQUEST, f"query {name}: has to be an RFC 3339 time with its offset")
    return at_ms


def _limit(given: str | None) -> int:
    limit = _USUAL if given is None else _number(given, "limit")
    if not 1 <= limit <= _MOST:
        raise Denial(Kind.BAD_REQUEST, f"query limit: has to be a whole number from 1 to {_MOST}")
    return limit


def _number(given: str | None, name: str) -> int:
    if given is None or not _NUMBER.fullmatch(given):
        raise Denial(Kind.BAD_REQUEST, f"query {name}: has to be a whole number")
    return int(given)


def _cursor(given: str | None, places: tuple[str, ...]) -> dict[str, int]:
    return dict(_cursor_parts(given, places)) if given else {}


def _cursor_parts(given: str, places: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    for part in given.split(","):
        place, _, seq = part.rpartition(":")
        if place not in places or not _NUMBER.fullmatch(seq):
            raise Denial(Kind.BAD_REQUEST, "query before: has to be the next of the answer before")
        yield place, int(seq)
