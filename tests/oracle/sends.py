"""What is promised of one message: S2, S3, S4, S5, S12, S17."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final

from tests.oracle.events import (
    Accepted,
    Conflicted,
    Heard,
    History,
    PostEnded,
    PostStarted,
    Promised,
    StatusSent,
    Told,
    Violation,
)

_TAKEN: Final = frozenset({"accepted", "sent", "delivered", "read"})
_RANK: Final = {
    "": 0,
    "queued": 0,
    "sending": 1,
    "unknown": 1,
    "unresolved": 1,
    "accepted": 2,
    "sent": 3,
    "failed": 4,
    "delivered": 5,
}
_RANKS: Final = _RANK | {"read": 6}


def at_most_once(history: History) -> Iterator[Violation]:
    """S2: Meta takes a message once."""
    by_id = Counter(taken.message_id for taken in history.of(Accepted))
    for message_id, times in by_id.items():
        if times > 1:
            yield Violation("S2", _last(history, message_id), f"{message_id} was taken {times} times")


def no_blind_retry(history: History) -> Iterator[Violation]:
    """S3: a message is posted again only when its last POST was refused for certain."""
    refused: dict[str, int] = {}
    started: set[str] = set()
    both: list[PostStarted | PostEnded] = [*history.of(PostStarted), *history.of(PostEnded)]
    steps = sorted(both, key=lambda event: event.at_ms)
    for step in steps:
        if isinstance(step, PostEnded):
            refused[step.message_id] = step.outcome == "refused"
        elif step.message_id in started and not refused.get(step.message_id):
            yield Violation("S3", step.at_ms, f"{step.message_id} is posted again though its fate is not known")
        if isinstance(step, PostStarted):
            started.add(step.message_id)
            refused.pop(step.message_id, None)


def no_phantoms(history: History) -> Iterator[Violation]:
    """S4: what is told to be sent was taken; what a caller was told is not sent is not."""
    taken = {accepted.message_id for accepted in history.of(Accepted)}
    failed = {status.message_id for status in history.of(StatusSent) if status.status == "failed"}
    for promise in history.of(Promised):
        if promise.verdict in ("reject", "503") and promise.message_id in taken:
            yield Violation("S4", promise.at_ms, f"{promise.message_id} was taken, but told as {promise.verdict}")
        if promise.verdict == "send" and promise.message_id not in taken:
            yield Violation("S4", promise.at_ms, f"{promise.message_id} was told as sent, but never taken")
    for told in history.of(Told):
        if told.state in _TAKEN and told.message_id not in taken:
            yield Violation("S4", told.at_ms, f"{told.message_id} is {told.state}, but was never taken")
        if told.state == "failed" and told.message_id in taken - failed:
            yield Violation("S4", told.at_ms, f"{told.message_id} is told as failed, but was taken")


def idempotent(history: History) -> Iterator[Violation]:
    """S5: a key stands for one message and one body, taken once; whoever uses it for another is told so."""
    first: dict[tuple[str, str], Promised] = {}
    for promise in history.of(Promised):
        if not promise.key or promise.verdict in ("503", "reject"):
            continue
        known = first.setdefault((promise.app, promise.key), promise)
        if known.message_id != promise.message_id:
            what = f"{promise.key} named {known.message_id}, then {promise.message_id}"
            yield Violation("S5", promise.at_ms, what)
        if known.body_hash != promise.body_hash:
            yield Violation("S5", promise.at_ms, f"{promise.key} was answered for another body")
    for conflict in history.of(Conflicted):
        own = first.get((conflict.app, conflict.key))
        if own is not None and own.body_hash == conflict.body_hash and own.at_ms <= conflict.at_ms:
            yield Violation("S5", conflict.at_ms, f"{conflict.key} was refused for its own body")
    keyed = {promise.request for promise in history.of(Promised) if promise.key and promise.request}
    by_request: dict[str, list[Accepted]] = defaultdict(list)
    for taken in history.of(Accepted):
        by_request[taken.request].append(taken)
    for request, taken_all in by_request.items():
        if request in keyed and len(taken_all) > 1:
            ids = ", ".join(taken.message_id for taken in taken_all)
            yield Violation("S5", taken_all[-1].at_ms, f"{request} was taken {len(taken_all)} times, as {ids}")


def monotone_status(history: History) -> Iterator[Violation]:
    """S12: at the end no message is behind what the gateway heard of it; delivered beats failed.

    S13 (webhooks that come again or in another order never make a state laxer) is judged where webhooks are all the
    input there is: the property tests of the breaker and of the books.
    """
    heard: dict[str, int] = {}
    for event in history.of(Heard):
        heard[event.message_id] = max(heard.get(event.message_id, 0), _RANKS[event.status])
    for told in history.of(Told):
        if told.state and _RANKS.get(told.state, 0) < heard.get(told.message_id, 0):
            yield Violation("S12", told.at_ms, f"{told.message_id} is {told.state}, but more was heard of it")


def deadline(history: History) -> Iterator[Violation]:
    """S17: no POST starts after the time at which its caller said that it is of no use any more."""
    ends = {p.message_id: p.expires_at_ms for p in history.of(Promised) if p.expires_at_ms is not None}
    for start in history.of(PostStarted):
        end_ms = ends.get(start.message_id)
        if end_ms is not None and start.at_ms > end_ms + history.start_by_ms:
            yield Violation("S17", start.at_ms, f"{start.message_id} started {start.at_ms - end_ms} ms after its end")


def _last(history: History, message_id: str) -> int:
    return max(taken.at_ms for taken in history.of(Accepted) if taken.message_id == message_id)
