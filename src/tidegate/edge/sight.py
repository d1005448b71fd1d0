"""What an app sees of what happens: its own messages, and changes of what it may use; an operator its numbers' too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from tidegate.edge.grants import Grants
from tidegate.feed import FeedEvent, Kind, Passes
from tidegate.policy.fall import Place, place_of
from tidegate.settings.tables import App, Scope
from tidegate.store.standing_history import StandingEvent

#: Kinds of changes that are their app's own affair.
_OF_ONE_APP: Final = frozenset({"key", "campaign"})
_OF_MESSAGES: Final = frozenset({Kind.DECISION, Kind.STATUS})


class Touched(NamedTuple):
    """What a change of standing is about: a place, or nothing that anybody but its app is shown."""

    place: Place
    is_of_one_app: bool = False


def touched_by(event: StandingEvent) -> Touched:
    """What an entry of the history is about."""
    return _touched(event.kind, event.key, event.before, event.after)


def _touched(kind: str, key: str, before: Any, after: Any) -> Touched:
    place = place_of(kind, key)
    if kind == "pause":
        paused = after or before or {}
        place = Place(number=paused.get("value", "")) if paused.get("scope") == "number" else place
    return Touched(place, kind in _OF_ONE_APP)


def concerns(grants: Grants, app: App, touched: Touched) -> bool:
    """Whether a change is one of what the app may use, and of nobody's alone."""
    place = touched.place
    if touched.is_of_one_app or place.is_personal:
        return False
    if place.waba is not None and place.waba not in grants.wabas(app):
        return False
    return place.number is None or grants.route(app, place.number) is not None


def sees(grants: Grants, app: App) -> Passes:
    """Which events of the feed the app is told of."""
    looks_after = not {Scope.ADMIN, Scope.ONCALL}.isdisjoint(app.scopes)

    def passes(event: FeedEvent) -> bool:
        data = event.data
        if event.kind in _OF_MESSAGES or (event.kind is Kind.LEFT_OUT and data["of"] in _OF_MESSAGES):
            return grants.may_see(app, data)
        if event.kind is Kind.CAMPAIGN:
            is_its_own = data["app"] == app.name
            return is_its_own or (looks_after and all(grants.route(app, number) for number in data["numbers"]))
        if event.kind is Kind.LEFT_OUT:
            return bool(data["app"] == app.name)
        return concerns(grants, app, _touched(data["kind"], data["key"], data["from"], data["to"]))

    return passes


def is_about(number: str, waba: str, event: FeedEvent) -> bool:
    """Whether an event is one of a number, its account, or all of its portfolio."""
    data: Mapping[str, Any] = event.data
    if event.kind is Kind.CAMPAIGN:
        return number in data["numbers"]
    if "number" in data:
        return bool(data["number"] == number)
    if event.kind is Kind.LEFT_OUT:
        return False
    place = _touched(data["kind"], data["key"], data["from"], data["to"]).place
    return place.number in (None, number) and place.waba in (None, waba)
