"""A run as the oracle of the deterministic runs reads it: each try's answer, each acceptance, each state in the end."""

from __future__ import annotations

from typing import Final, cast

from tests.chaos.stage import Stage
from tests.oracle.events import Accepted, Event, History, Promised, Told, Verdict
from tidegate.cloudapi.vocabulary import Category

_SERVICE: Final = "service"


def story(stage: Stage) -> History:
    """What callers and platform saw.

    Without what `verdict` judges by itself: the limit, and promises that nobody knows of any more.
    """
    now_ms = stage.clock()
    events: list[Event] = []
    for one in stage.meta.world.book.accepted:
        category = None if one.category == _SERVICE else Category(one.category)
        message_id = _id_of(one.opaque or "")
        events.append(
            Accepted(one.at_ms, message_id, one.user, category, one.inside_window, one.wamid, request=one.user)
        )
    for told in stage.load.answers:
        verdict = _verdict(told.status, told.verdict)
        if verdict is not None:
            key = told.sent.key or ""
            events.append(
                Promised(told.at_ms, told.message_id, verdict, "checkout", key, told.sent.phone, request=told.sent.user)
            )
    for sent in stage.load.sent:
        if sent.status == 200 and sent.state is not None:
            events.append(Told(now_ms, sent.message_id, sent.state))
    return History(sorted(events, key=lambda event: event.at_ms), ended_at_ms=now_ms)


def _id_of(opaque: str) -> str:
    """The message's id in what the gateway has the platform echo: `tg1.<id>.<seal>`."""
    return opaque.split(".")[1] if opaque.count(".") == 2 else opaque


def _verdict(status: int, verdict: str) -> Verdict | None:
    if status == 200:
        return cast(Verdict, verdict)
    return {400: "reject", 429: "reject", 503: "503"}.get(status)  # type: ignore[return-value]  # words of the type
