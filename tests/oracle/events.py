"""What the doubles of a test saw: Meta's, the caller's, the webhook sender's. The gateway writes none of it.

Times are ms since 1970 of the one clock that store, platform and callers share in a test. A user is a name that stands
for one person; an id is the gateway's message id; a `request` is the caller's own name for what it asked, found in the
message's text, so that it is the same in whatever a caller repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

from tidegate.cloudapi.vocabulary import Category

#: What a caller was told of a send; `503` asks to try again, for nothing was sent.
Verdict = Literal["send", "queue", "unknown", "reject", "503"]


@dataclass(frozen=True, slots=True)
class PostStarted:
    """The first byte of a POST left a node. `category` is None for free-form; `template` is "" for it."""

    at_ms: int
    message_id: str
    user: str
    category: Category | None
    number: str
    node: str
    template: str = ""
    request: str = ""


@dataclass(frozen=True, slots=True)
class PostEnded:
    """What the node could learn of its POST: accepted, refused by a Graph error, or nothing that proves anything."""

    at_ms: int
    message_id: str
    outcome: Literal["accepted", "refused", "unknown"]


@dataclass(frozen=True, slots=True)
class Accepted:
    """Meta took a message, whether or not anybody learnt of it. `in_window`: inside the user's service window."""

    at_ms: int
    message_id: str
    user: str
    category: Category | None
    in_window: bool
    wamid: str
    request: str = ""


@dataclass(frozen=True, slots=True)
class StatusSent:
    """Meta told of a message by webhook; `failed` is proof that the user got nothing."""

    at_ms: int
    message_id: str
    status: Literal["sent", "delivered", "read", "failed"]


@dataclass(frozen=True, slots=True)
class Promised:
    """A caller got its answer. `key`, `body_hash`: of its Idempotency-Key and of what it asked ("" without a key)."""

    at_ms: int
    message_id: str
    verdict: Verdict
    app: str = ""
    key: str = ""
    body_hash: str = ""
    expires_at_ms: int | None = None
    category: Category | None = None
    request: str = ""


@dataclass(frozen=True, slots=True)
class Conflicted:
    """A caller was told that its Idempotency-Key belongs to another body (422)."""

    at_ms: int
    app: str
    key: str
    body_hash: str


@dataclass(frozen=True, slots=True)
class InboundSent:
    """Meta's webhook of a message that a user wrote at `at_ms` to a number: it opens a service window."""

    at_ms: int
    user: str
    number: str


@dataclass(frozen=True, slots=True)
class OptedOut:
    """The webhook of an opt-out from marketing was answered 200 at `at_ms`."""

    at_ms: int
    user: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """A stop of a scope was acknowledged at `at_ms`; `until_ms` is when it was taken back (asked for), if it was."""

    at_ms: int
    scope: Literal["portfolio", "number", "category", "template"]
    value: str
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class LimitIs:
    """The messaging limit from `at_ms` on: a lower one from its acknowledgement, a higher one from its telling."""

    at_ms: int
    limit: int


@dataclass(frozen=True, slots=True)
class Amnesia:
    """The store came back at `at_ms` without writes that it had acknowledged; counted again at `rebuilt_at_ms`."""

    at_ms: int
    rebuilt_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What the gateway says at the end of a run of a message; "" where it knows none."""

    at_ms: int
    message_id: str
    state: str


@dataclass(frozen=True, slots=True)
class CapacityTold:
    """What the gateway says of its places when nothing is under way any more."""

    at_ms: int
    used: int
    #: Nothing was killed, lost or cut: each place has its message.
    undisturbed: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """A status webhook was answered 200: from then on the gateway knows."""

    at_ms: int
    message_id: str
    status: str


Event: TypeAlias = (
    PostStarted
    | PostEnded
    | Accepted
    | StatusSent
    | Promised
    | Conflicted
    | InboundSent
    | OptedOut
    | Stopped
    | LimitIs
    | Amnesia
    | Told
    | CapacityTold
    | Heard
)


E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class History:
    """A run, as its doubles saw it, in the order of time. `limit`: in force from the beginning."""

    events: Sequence[Event]
    limit: int | None = None
    ended_at_ms: int = 0
    #: How long after its acknowledgement a stop may still let a POST start.
    propagation_ms: int = 250
    #: How long after its admission a POST may start.
    start_by_ms: int = 200
    #: Turns of a number: messages in a second, with what it forgives at once.
    throughput: int | None = None
    burst: int = 0

    def of(self, kind: type[E]) -> list[E]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that did not hold: which, when, and what was seen."""

    invariant: str
    at_ms: int
    what: str

    def __str__(self) -> str:
        return f"{self.invariant} at {self.at_ms}: {self.what}"
