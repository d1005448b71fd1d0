"""`/webhooks`: what waits to be handed to the apps, dead letters, and how they are tried again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from tidegate.edge.calls import Call
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.replies import Reply, json_reply
from tidegate.edge.times import write_time, write_time_up
from tidegate.policy.audit import Act
from tidegate.relay import Subscriber
from tidegate.settings.tables import Relay, Scope
from tidegate.store.relays import Backlog, DeadLetter

_NAME: Final = re.compile(r"[0-9a-f]{24}")
_MOST: Final = 1_000
_SHOWN: Final = 100


async def read_webhooks(call: Call) -> Reply:
    """What waits for each app that the caller may see: itself, and for an operator those of its numbers."""
    told = []
    for subscriber in _visible(call):
        for portfolio in subscriber.portfolios:
            backlog = await call.services.relays.backlog(portfolio, subscriber.app)
            told.append(_told(subscriber, portfolio, backlog, call.services.settings.relay))
    return json_reply({"waiting": sum(one["waiting"] for one in told), "apps": told})


async def read_dead_webhooks(call: Call) -> Reply:
    """Dead letters of an app, the latest first; what they say is shown to nobody but the app."""
    subscriber, most = _subscriber(call, call.query("app")), _most(call.query("limit"))
    letters = []
    for portfolio in subscriber.portfolios:
        for letter in await call.services.relays.dead(portfolio, subscriber.app, most):
            letters.append(_letter(portfolio, letter))
    letters.sort(key=lambda letter: str(letter["died_at"]), reverse=True)
    return json_reply({"app": subscriber.app, "dead": letters[:most]})


async def replay_webhooks(call: Call) -> Reply:
    """Have dead letters tried again: those of `ids`, or up to 1,000 of the oldest."""
    fields = await call.fields()
    if not fields.keys() <= {"app", "ids"}:
        raise Denial(Kind.BAD_REQUEST, "body: may have app and ids, and nothing else")
    subscriber, ids = _subscriber(call, fields.get("app")), _ids(fields.get("ids"))
    replayed = 0
    for portfolio in subscriber.portfolios:
        await call.audit(portfolio, Act.WEBHOOKS_REPLAY, {"app": subscriber.app}, ids=ids)
        replayed += await call.services.relays.replay(portfolio, subscriber.app, ids, _MOST)
        call.services.relay.wake(portfolio, subscriber.app)
    return json_reply({"app": subscriber.app, "replayed": replayed})


def _visible(call: Call) -> Iterator[Subscriber]:
    subscribers = call.services.relay.subscribers
    alerts = () if subscribers.alerts is None else (subscribers.alerts,)
    for subscriber in (*subscribers.all, *alerts):
        is_run_by_it = Scope.ADMIN in call.app.scopes and all(
            call.grants.route(call.app, number) is not None for number in subscriber.numbers
        )
        if subscriber.app == call.app.name or is_run_by_it:
            yield subscriber


def _subscriber(call: Call, name: object) -> Subscriber:
    found = next((one for one in _visible(call) if one.app == (call.app.name if name is None else name)), None)
    if found is None:
        raise Denial(Kind.NOT_FOUND, "no such app gets webhooks")
    return found


def _most(given: str | None) -> int:
    if given is None:
        return _SHOWN
    if not re.fullmatch(r"[1-9][0-9]{0,3}", given) or int(given) > _MOST:
        raise Denial(Kind.BAD_REQUEST, f"query limit: has to be 1 to {_MOST}")
    return int(given)


def _ids(given: object) -> list[str]:
    if given is None:
        return []
    if not isinstance(given, list) or not 0 < len(given) <= _MOST:
        raise Denial(Kind.BAD_REQUEST, f"body ids: has to be a list of 1 to {_MOST} ids")
    if not all(isinstance(name, str) and _NAME.fullmatch(name) for name in given):
        raise Denial(Kind.BAD_REQUEST, "body ids: has to hold ids of dead letters")
    return list(given)


def _told(subscriber: Subscriber, portfolio: str, backlog: Backlog, room: Relay) -> dict[str, Any]:
    return {
        "app": subscriber.app,
        "portfolio": portfolio,
        "host": subscriber.host,
        "waiting": backlog.waiting,
        "oldest_at": _time(backlog.oldest_at_ms),
        "failures": backlog.failures,
        "next_attempt_at": None if not backlog.held_until_ms else write_time_up(backlog.held_until_ms),
        "last_error": backlog.error,
        "last_error_at": _time(backlog.error_at_ms),
        "last_delivered_at": _time(backlog.delivered_at_ms),
        "dead": backlog.dead,
        "bytes": backlog.kept_bytes,
        "most_bytes": room.most_bytes,
        "most_waiting": room.most_waiting,
        "left_out": backlog.left_out,
        "left_out_at": _time(backlog.left_out_at_ms),
        "dropped": backlog.dropped,
    }


def _letter(portfolio: str, letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.name,
        "portfolio": portfolio,
        "kind": letter.kind,
        "taken_at": write_time(letter.taken_at_ms),
        "died_at": write_time(letter.died_at_ms),
        "tries": letter.tries,
        "error": letter.error,
    }


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else write_time(at_ms)
