"""What stops are promised to stop, and how fast sends may go: S6, S7, S8, S9, S16."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from tests.oracle.events import History, InboundSent, OptedOut, PostStarted, Stopped, Violation
from tidegate.cloudapi.vocabulary import Category

DAY_MS: Final = 86_400_000


def opt_out(history: History) -> Iterator[Violation]:
    """S6: no marketing POST to a user starts after the opt-out was acknowledged."""
    stopped: dict[str, int] = {}
    for out in history.of(OptedOut):
        stopped[out.user] = min(out.at_ms, stopped.get(out.user, out.at_ms))
    for start in history.of(PostStarted):
        since_ms = stopped.get(start.user)
        is_late = since_ms is not None and start.at_ms > since_ms + history.propagation_ms
        if is_late and start.category is Category.MARKETING:
            yield Violation("S6", start.at_ms, f"{start.message_id} started after the opt-out of its user")


def stopped_scopes(history: History) -> Iterator[Violation]:
    """S7, S9: no POST in a stopped scope (S9: a template) starts between its acknowledgement and its end."""
    for stop in history.of(Stopped):
        for start in history.of(PostStarted):
            until_ms = stop.until_ms if stop.until_ms is not None else start.at_ms
            is_within = stop.at_ms + history.propagation_ms < start.at_ms <= until_ms
            if is_within and _is_in(stop, start):
                name = "S9" if stop.scope == "template" else "S7"
                what = f"{start.message_id} started while {stop.scope} {stop.value} was stopped"
                yield Violation(name, start.at_ms, what)


def _is_in(stop: Stopped, start: PostStarted) -> bool:
    values = {
        "portfolio": stop.value,
        "number": start.number,
        "category": start.category.value if start.category else "service",
        "template": start.template,
    }
    return values[stop.scope] == stop.value


def window(history: History) -> Iterator[Violation]:
    """S8: free-form starts only within 24 hours of what the user wrote to the number."""
    written: dict[tuple[str, str], list[int]] = defaultdict(list)
    for inbound in history.of(InboundSent):
        written[inbound.user, inbound.number].append(inbound.at_ms)
    for start in history.of(PostStarted):
        if start.category is None:
            times = written[start.user, start.number]
            if not any(at_ms <= start.at_ms + 1_000 < at_ms + DAY_MS + 1_000 for at_ms in times):
                yield Violation("S8", start.at_ms, f"{start.message_id} is free-form outside of a window")


def throughput(history: History) -> Iterator[Violation]:
    """S16: no second sees more POSTs of a number than it may send, and what it forgives at once.

    The pair's rate is left to the tests of its guardrail: its bound differs by what was sent before.
    """
    if history.throughput is None:
        return
    times: dict[str, list[int]] = defaultdict(list)
    for start in sorted(history.of(PostStarted), key=lambda event: event.at_ms):
        recent = times[start.number] = [at_ms for at_ms in times[start.number] if at_ms > start.at_ms - 1_000]
        recent.append(start.at_ms)
        # What was admitted at different times may start together, within the span that a start may take.
        most = history.throughput * (1 + history.start_by_ms / 1_000) + history.burst
        if len(recent) > most:
            yield Violation("S16", start.at_ms, f"number {start.number} sent {len(recent)} in a second")
