"""A breaker's states and what moves it from one to the other.

Rules:

1. Everything that changes a breaker is in this file, and `TABLE` is all of it: each state with each event.
2. This file does not know which signal trips what; `consequences` does. Nor does it know the time: it is told.
3. What makes us more careful is believed at once. What makes us less careful has to be newer, and more than a webhook.

Theory. A breaker is closed (sends pass), open (they do not) or half open (one probe every `trickle_ms`, counted for
all nodes together). The state is not moved from word to word: it is read from a few times, each of which only ever
grows. `event_at_ms` is when the newest bad news happened at Meta, `until_ms` how long the strictest of it holds,
`eased_at_ms` when a webhook last said that it is over, `proven_at_ms` up to when that is proven: by a fresh read from
Graph, by probes that went well, or by an operator. The greatest of several times is the same in whatever order they
come and however often, so webhooks that are late, repeated or swapped cannot make a breaker more permissive than the
same webhooks once and in order. (Two counts are not like that: how often a throttle was cut, where a repetition errs
to the strict side, and how many probes failed, which no webhook counts.)

What a user wants is no breaker: opt-outs are the user's own word, and are kept as consent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from tidegate.policy.breaker.record import Breaker, Grip, State
from tidegate.policy.reach import Action

#: A read from Graph proves what was so until this long before it: Meta's times are whole seconds of another clock.
SKEW_MS: Final = 5_000
#: A throttle that is cut again and again leaves this share.
FLOOR: Final = 1 / 16
#: How long a failed probe stops us where the rule names no span.
UNTOLD_MS: Final = 3_600_000
_MOST_GROWTH: Final = 20


class Kind(StrEnum):
    """What can happen to a breaker."""

    #: Bad news. A breaker that is open already is extended by it, and never shortened.
    TRIP = "trip"
    #: Nothing but time has passed.
    TIME_UP = "time_up"
    #: Graph was read, and says that all is well; `at_ms` is when it was asked.
    PROOF = "proof"
    #: A send that started while half open went well.
    PROBE_OK = "probe_ok"
    #: One did not.
    PROBE_FAILED = "probe_failed"
    #: A webhook (or a status) says that all is well: worth a read, not enough to close.
    WEBHOOK_RELAX = "webhook_relax"
    #: Closed by hand; the reason is its cause.
    OPERATOR_CLOSE = "operator_close"
    #: Opened by hand: only time or a hand closes it.
    OPERATOR_OPEN = "operator_open"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a breaker; `at_ms` is when, by the clock of whoever says so.

    A trip and an opening by hand name their `grip`, and their end in `until_ms` (None: none is known). `own`: seen in
    the answer to a send of ours, so on a half-open breaker it is a probe that failed.
    """

    kind: Kind
    at_ms: int
    cause: str
    grip: Grip | None = None
    until_ms: int | None = None
    own: bool = False


def step(breaker: Breaker | None, event: Event, now_ms: int) -> Breaker | None:
    """The breaker after an event; `now_ms` is the store's time. None as long as there never was one.

    An event of the future counts as of now. Raises ValueError for a trip or an opening by hand that does not say of
    what, for an opening by hand that is over already, and for a closing by hand without a reason.
    """
    fault = _fault(event, now_ms)
    if fault is not None:
        raise ValueError(fault)
    if event.grip is not None and breaker is None and event.kind in _OPENING:
        breaker = Breaker(**event.grip.terms())
    if breaker is None:
        return None
    state = state_at(breaker, now_ms)
    is_probe = event.own and event.kind is Kind.TRIP and state is State.HALF_OPEN
    does = TABLE[state, Kind.PROBE_FAILED if is_probe else event.kind].does
    after = does(breaker, replace(event, at_ms=min(event.at_ms, now_ms)), now_ms)
    return replace(after, state=state_at(after, now_ms))


_OPENING: Final = frozenset({Kind.TRIP, Kind.OPERATOR_OPEN})


def _fault(event: Event, now_ms: int) -> str | None:
    if event.kind in _OPENING and event.grip is None:
        return f"{event.kind.value} has to name what it takes hold of"
    if event.kind is Kind.OPERATOR_OPEN and event.until_ms is not None and event.until_ms <= now_ms:
        return "opening a breaker by hand until a time that is past does nothing"
    if event.kind is Kind.OPERATOR_CLOSE and not event.cause.strip():
        return "closing a breaker by hand needs a reason"
    return None


def state_at(breaker: Breaker | None, now_ms: int) -> State:
    """The state at a time, from the record alone: an open breaker whose time is up is half open, or closed."""
    if breaker is None or breaker.proven_at_ms >= breaker.event_at_ms:
        return State.CLOSED
    if breaker.until_ms is not None and now_ms >= breaker.until_ms:
        return State.HALF_OPEN if breaker.trickle_ms else State.CLOSED
    eased = breaker.eased_at_ms > breaker.event_at_ms and breaker.trickle_ms
    return State.HALF_OPEN if eased else State.OPEN


def share_at(breaker: Breaker, now_ms: int) -> float:
    """The share of the pace that a throttle leaves at a time; 1 when all of it is left."""
    if breaker.action is not Action.THROTTLE or state_at(breaker, now_ms) is not State.OPEN:
        return 1.0
    if breaker.recover_ms is None:
        return breaker.level
    return min(1.0, breaker.level + max(0, now_ms - breaker.event_at_ms) / breaker.recover_ms)


def _trip(breaker: Breaker, event: Event, now_ms: int) -> Breaker:
    if event.grip is None or event.at_ms <= breaker.proven_at_ms:
        return breaker  # what it tells of is proven to be over
    unproven = breaker.event_at_ms > breaker.proven_at_ms
    running = state_at(breaker, now_ms) is not State.CLOSED
    # Old news brings no new terms, and a rule does not loosen what a hand has tightened.
    keeps_terms = running and (breaker.by_hand or event.at_ms <= breaker.event_at_ms)
    grip = breaker if keeps_terms else event.grip
    newest = max(breaker.event_at_ms, event.at_ms)
    tripped = replace(
        breaker,
        **grip.terms(),
        opened_at_ms=min(breaker.opened_at_ms, event.at_ms) if running else event.at_ms,
        until_ms=_later(breaker.until_ms, event.until_ms) if unproven else event.until_ms,
        cause=event.cause if event.at_ms == newest else breaker.cause,
        event_at_ms=newest,
        probes_ok=breaker.probes_ok if newest == breaker.event_at_ms else 0,
        failures=breaker.failures if running else 0,
        by_hand=breaker.by_hand and running,
    )
    return _cut(breaker, tripped, event) if tripped.action is Action.THROTTLE else tripped


def _cut(before: Breaker, after: Breaker, event: Event) -> Breaker:
    """A throttle takes its share: without recovery the least of all shares, with it a part of what is left (AIMD).

    One second's bad news is one cut: it comes from every message that was under way.
    """
    left = share_at(before, after.event_at_ms)
    if after.recover_ms is None:
        return replace(after, level=min(left, after.share))
    same_second = left < 1 and event.at_ms // 1_000 == before.event_at_ms // 1_000
    level = left if same_second else max(FLOOR, left * after.share)
    recovered_at_ms = after.event_at_ms + round((1 - level) * after.recover_ms)
    return replace(after, level=level, until_ms=max(before.until_ms or 0, recovered_at_ms))


def _extend(breaker: Breaker, event: Event, now_ms: int) -> Breaker:
    """Bad news of a send of ours: from then on it holds for as long as it did the last time."""
    if event.at_ms <= breaker.proven_at_ms:
        return breaker
    base_ms = breaker.for_ms if breaker.for_ms is not None else UNTOLD_MS
    grown_ms = base_ms * breaker.factor ** min(breaker.failures, _MOST_GROWTH)
    until_ms = event.at_ms + min(grown_ms, max(base_ms, breaker.longest_ms or 0))
    unproven = breaker.event_at_ms > breaker.proven_at_ms
    return replace(
        breaker,
        until_ms=_later(breaker.until_ms, until_ms) if unproven or breaker.until_ms is None else until_ms,
        opened_at_ms=event.at_ms if state_at(breaker, now_ms) is State.CLOSED else breaker.opened_at_ms,
        cause=event.cause,
        event_at_ms=max(breaker.event_at_ms, event.at_ms),
        probes_ok=0,
    )


def _fail(breaker: Breaker, event: Event, now_ms: int) -> Breaker:
    """A probe failed: it holds again, for longer; and no shorter than the failure itself says."""
    failed = _extend(replace(breaker, failures=breaker.failures + 1), event, now_ms)
    told_ms = event.until_ms or 0
    return failed if failed.until_ms is None else replace(failed, until_ms=max(failed.until_ms, told_ms))


def _succeed(breaker: Breaker, event: Event, now_ms: int) -> Breaker:
    """A probe went well; enough of them prove that it is over."""
    if breaker.probes_ok + 1 < breaker.probes:
        return replace(breaker, probes_ok=breaker.probes_ok + 1)
    return _proven(breaker, breaker.event_at_ms)


def _prove(breaker: Breaker, event: Event, now_ms: int) -> Breaker:
    """A fresh read: closed, when it is newer than all bad news."""
    if breaker.by_hand and state_at(breaker, now_ms) is not State.CLOSED:
        return breaker
    proven_at_ms = event.at_ms - SKEW_MS
    if proven_at_ms >= breaker.event_at_ms:
        return _proven(breaker, proven_at_ms)
    return replace(breaker, proven_at_ms=max(breaker.proven_at_ms, proven_at_ms))


def _proven(breaker: Breaker, at_ms: int) -> Breaker:
    at_ms = max(breaker.proven_at_ms, at_ms)
    return replace(breaker, proven_at_ms=at_ms, probes_ok=0, failures=0, level=1.0, by_hand=False)


def _ease(breaker: Breaker, event: Event, now_ms: int) -> Breaker:
    """A webhook says that it is over: half open where there is a trickle, when it is newer than all bad news."""
    return replace(breaker, eased_at_ms=max(breaker.eased_at_ms, event.at_ms))


def _close_by_hand(breaker: Breaker, event: Event, now_ms: int) -> Breaker:
    return replace(_proven(breaker, max(now_ms, breaker.event_at_ms)), cause=event.cause)


def _open_by_hand(breaker: Breaker, event: Event, now_ms: int) -> Breaker:
    newer = replace(event, at_ms=max(now_ms, breaker.proven_at_ms + 1))
    return replace(_trip(breaker, newer, now_ms), by_hand=True, trickle_ms=None)


def _stay(breaker: Breaker, event: Event, now_ms: int) -> Breaker:
    """Time alone is read by `state_at`; a probe's success proves nothing of a breaker that is not half open."""
    return breaker


def _later(one: int | None, other: int | None) -> int | None:
    """The later of two ends, where None never comes."""
    return None if one is None or other is None else max(one, other)


class Row(NamedTuple):
    """What an event does to a breaker in a state, and the states that it may be in then."""

    does: Callable[[Breaker, Event, int], Breaker]
    to: frozenset[State]


def _row(does: Callable[[Breaker, Event, int], Breaker], *to: State) -> Row:
    return Row(does, frozenset(to))


_C, _O, _H = State.CLOSED, State.OPEN, State.HALF_OPEN

#: The machine. Where a row names several states, times decide: news that is over when it arrives or is proven to be,
#: relief that is older than the bad news, probes that are not enough yet.
TABLE: Final[Mapping[tuple[State, Kind], Row]] = MappingProxyType(
    {
        (_C, Kind.TRIP): _row(_trip, _O, _H, _C),
        (_C, Kind.TIME_UP): _row(_stay, _C),
        (_C, Kind.PROOF): _row(_prove, _C),
        (_C, Kind.PROBE_OK): _row(_stay, _C),
        (_C, Kind.PROBE_FAILED): _row(_extend, _O, _H, _C),
        (_C, Kind.WEBHOOK_RELAX): _row(_ease, _C),
        (_C, Kind.OPERATOR_CLOSE): _row(_close_by_hand, _C),
        (_C, Kind.OPERATOR_OPEN): _row(_open_by_hand, _O),
        (_O, Kind.TRIP): _row(_trip, _O),
        (_O, Kind.TIME_UP): _row(_stay, _O),
        (_O, Kind.PROOF): _row(_prove, _C, _O),
        (_O, Kind.PROBE_OK): _row(_stay, _O),
        (_O, Kind.PROBE_FAILED): _row(_extend, _O),
        (_O, Kind.WEBHOOK_RELAX): _row(_ease, _H, _O),
        (_O, Kind.OPERATOR_CLOSE): _row(_close_by_hand, _C),
        (_O, Kind.OPERATOR_OPEN): _row(_open_by_hand, _O),
        (_H, Kind.TRIP): _row(_trip, _O, _H),
        (_H, Kind.TIME_UP): _row(_stay, _H),
        (_H, Kind.PROOF): _row(_prove, _C, _H),
        (_H, Kind.PROBE_OK): _row(_succeed, _C, _H),
        (_H, Kind.PROBE_FAILED): _row(_fail, _O, _H),
        (_H, Kind.WEBHOOK_RELAX): _row(_ease, _H),
        (_H, Kind.OPERATOR_CLOSE): _row(_close_by_hand, _C),
        (_H, Kind.OPERATOR_OPEN): _row(_open_by_hand, _O),
    }
)
