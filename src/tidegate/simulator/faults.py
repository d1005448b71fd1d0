"""Faults on command: what the next calls meet instead of a clean answer."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Then(StrEnum):
    """How a call ends."""

    #: The answer that the platform would have given; only of use with a delay.
    ANSWER = "answer"
    #: A status and body of one's choice.
    STATUS = "status"
    #: The page of a proxy in between: 502 and HTML.
    HTML = "html"
    #: A whole HTTP answer whose JSON ends in the middle.
    TRUNCATED = "truncated"
    #: An HTTP answer that ends before its announced length.
    CUT = "cut"
    #: The connection is reset without a byte of an answer.
    DROP = "drop"


class On(StrEnum):
    """Which calls a fault waits for."""

    SENDS = "sends"
    READS = "reads"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that `times` calls meet.

    `accept` decides what really happened: true, the call takes its full effect, whatever its caller gets to
    see; false, it has none. `hang_ms` passes between the two. `status`, `body` and `headers` belong to
    `Then.STATUS`; without a body it is Meta's error of code 2.
    """

    then: Then
    accept: bool = False
    on: On = On.SENDS
    times: int = 1
    hang_ms: int = 0
    status: int = 503
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.times < 1 or self.hang_ms < 0 or not 200 <= self.status <= 599:
            raise ValueError("a fault happens at least once, hangs no negative time and has a status of 200 to 599")
        if self.then is Then.ANSWER and not self.accept:
            raise ValueError("the platform's own answer is only to be had for a call that it accepts")


class Faults:
    """Faults in waiting; each call takes the first that waits for its kind."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Fault, int]] = deque()

    def __len__(self) -> int:
        return sum(left for _, left in self._waiting)

    def add(self, fault: Fault) -> None:
        """Have the next calls meet a fault."""
        self._waiting.append((fault, fault.times))

    def clear(self) -> None:
        """Have no more faults."""
        self._waiting.clear()

    def take(self, call: On) -> Fault | None:
        """Give the fault that this call meets; None: none."""
        for place, (fault, left) in enumerate(self._waiting):
            if fault.on in (call, On.ANY):
                if left > 1:
                    self._waiting[place] = (fault, left - 1)
                else:
                    del self._waiting[place]
                return fault
        return None
