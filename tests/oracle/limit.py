"""What the messaging limit promises: S1, S10, S14.

S1b (the debt of deliveries later than a day) and S11 (a place is given back on proof only) speak of what the gateway
keeps for itself; of S11 these logs show the effect, for whoever releases a place too early breaks S1.
S15 (budgets) needs prices, which no double of a test has: the property tests of charges judge it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from tests.oracle.events import (
    Accepted,
    Amnesia,
    CapacityTold,
    Heard,
    History,
    LimitIs,
    PostStarted,
    StatusSent,
    Violation,
)

DAY_MS: Final = 86_400_000
_NEVER_MS: Final = 2**62


def rolling_limit(history: History) -> Iterator[Violation]:
    """S1: who is new outside windows finds fewer users of the last 24 h than the limit that was in force when his place
    was taken.

    Whose message Meta failed for certain is no user of the day. A limit that was lowered may be below what was used;
    and who was written to under the higher one, and may have got that message, holds his place.
    """
    if history.limit is None:
        return
    failed = {status.message_id: status.at_ms for status in history.of(StatusSent) if status.status == "failed"}
    spans = _spans_by_user(history)
    counted: list[Accepted] = []
    for taken in sorted(history.of(Accepted), key=lambda event: event.at_ms):
        if taken.in_window:
            continue
        users = {
            other.user
            for other in counted
            if other.at_ms > taken.at_ms - DAY_MS and failed.get(other.message_id, taken.at_ms) >= taken.at_ms
        }
        since_ms = _held_since_ms(spans[taken.user], taken.at_ms) - history.start_by_ms
        limit = _highest_limit(history, since_ms, taken.at_ms)
        if taken.user not in users and len(users) >= limit:
            yield Violation("S1", taken.at_ms, f"{taken.message_id} reaches user {len(users) + 1} of {limit}")
        counted.append(taken)


def never_counts_too_few(history: History) -> Iterator[Violation]:
    """S10: when nothing is under way, as many places are held as Meta counts users; undisturbed, exactly as many."""
    failed = {status.message_id for status in history.of(StatusSent) if status.status == "failed"}
    for told in history.of(CapacityTold):
        recent = [a for a in history.of(Accepted) if told.at_ms - DAY_MS < a.at_ms <= told.at_ms and not a.in_window]
        users = {taken.user for taken in recent if taken.message_id not in failed}
        maybe = {start.user for start in history.of(PostStarted) if start.at_ms > told.at_ms - DAY_MS}
        if told.used < len(users):
            yield Violation("S10", told.at_ms, f"{told.used} places are held for {len(users)} users")
        if told.undisturbed and told.used > len(maybe):
            yield Violation(
                "S10", told.at_ms, f"{told.used} places are held, but only {len(maybe)} users were written to"
            )


def holds_after_amnesia(history: History) -> Iterator[Violation]:
    """S14: after the store forgot what it had acknowledged, nothing starts outside a window until it counts again."""
    accepted = {taken.message_id: taken for taken in history.of(Accepted)}
    for amnesia in history.of(Amnesia):
        until_ms = amnesia.rebuilt_at_ms if amnesia.rebuilt_at_ms is not None else amnesia.at_ms + DAY_MS
        for start in history.of(PostStarted):
            taken = accepted.get(start.message_id)
            if taken is None or taken.in_window:
                continue
            # What was admitted before may start within its span.
            if amnesia.at_ms + history.start_by_ms < start.at_ms < until_ms:
                yield Violation("S14", start.at_ms, f"{start.message_id} started before the books were rebuilt")


def _spans_by_user(history: History) -> dict[str, list[tuple[int, int]]]:
    """From when until when each user may hold a place: a message holds one from its POST to a day after its delivery.

    One of which nobody has heard the end holds it for as long as it might still be delivered: longer than any test. So
    does one that Meta refused: the node may have died before it heard so.
    """
    heard: dict[str, int] = {}
    for word in history.of(Heard):
        if word.status in ("delivered", "read"):
            heard[word.message_id] = word.at_ms + DAY_MS
        elif word.status == "failed":
            heard[word.message_id] = word.at_ms
    spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for start in history.of(PostStarted):
        spans[start.user].append((start.at_ms, heard.get(start.message_id, _NEVER_MS)))
    return spans


def _held_since_ms(spans: list[tuple[int, int]], at_ms: int) -> int:
    """Since when somebody holds a place without a break."""
    since_ms = at_ms
    for begin_ms, end_ms in sorted(spans, reverse=True):
        if begin_ms <= since_ms <= end_ms:
            since_ms = begin_ms
    return since_ms


def _highest_limit(history: History, since_ms: int, until_ms: int) -> int:
    """The highest limit that was in force at some time of a span."""
    assert history.limit is not None
    before, within = history.limit, []
    for told in sorted(history.of(LimitIs), key=lambda event: event.at_ms):
        if told.at_ms <= since_ms:
            before = told.limit
        elif told.at_ms <= until_ms:
            within.append(told.limit)
    return max([before, *within])
