"""The life of a campaign as one table: its phases, what moves it from one to the next, and what a phase means.

A step's rows are fed to the send queue until none is left, and leave it one by one; then the step's gate is judged, and
the next step begins. What the table does not name is not possible, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Phase(StrEnum):
    """Where a campaign is."""

    #: Its audience may be replaced; nothing is sent.
    DRAFT = "draft"
    #: Started; it runs as soon as its time has come.
    SCHEDULED = "scheduled"
    #: The rows of a step are on their way.
    RUNNING = "running"
    #: A step's rows are gone; its gate has not let the next one go yet.
    WAITING = "waiting"
    #: Stopped by hand.
    PAUSED = "paused"
    #: Stopped by the gate, which says why.
    HALTED = "halted"
    #: Cancelled; what is queued is being taken out of the queue.
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    #: All steps are over, or the deadline is.
    FINISHED = "finished"


class Event(StrEnum):
    """What can happen to a campaign."""

    START = "start"
    #: The time asked for has come.
    DUE = "due"
    #: No row of the step is left to be fed, queued or on its way to Meta.
    STEP_GONE = "step_gone"
    #: The gate of a step let the next one go.
    PASSED = "passed"
    #: There is no next one.
    PASSED_LAST = "passed_last"
    #: The gate of a step stopped the campaign.
    FAILED = "failed"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    #: Nothing of it is queued any more.
    SWEPT = "swept"
    DEADLINE = "deadline"


#: Every move that there is. Whatever was stopped begins again as scheduled: the step that it was in is looked at anew.
TABLE: Final[Mapping[tuple[Phase, Event], Phase]] = MappingProxyType(
    {
        (Phase.DRAFT, Event.START): Phase.SCHEDULED,
        (Phase.DRAFT, Event.CANCEL): Phase.CANCELLED,
        (Phase.SCHEDULED, Event.DUE): Phase.RUNNING,
        (Phase.RUNNING, Event.STEP_GONE): Phase.WAITING,
        (Phase.WAITING, Event.PASSED): Phase.RUNNING,
        (Phase.WAITING, Event.PASSED_LAST): Phase.FINISHED,
        (Phase.PAUSED, Event.RESUME): Phase.SCHEDULED,
        (Phase.HALTED, Event.RESUME): Phase.SCHEDULED,
        (Phase.CANCELLING, Event.SWEPT): Phase.CANCELLED,
        # Whatever kept it from being swept: its messages have expired.
        (Phase.CANCELLING, Event.DEADLINE): Phase.CANCELLED,
        **{
            (phase, Event.FAILED): Phase.HALTED
            # Bad news of a step comes while the next one runs, too.
            for phase in (Phase.RUNNING, Phase.WAITING)
        },
        **{
            (phase, event): after
            for phase in (Phase.SCHEDULED, Phase.RUNNING, Phase.WAITING, Phase.PAUSED, Phase.HALTED)
            for event, after in ((Event.CANCEL, Phase.CANCELLING), (Event.DEADLINE, Phase.FINISHED))
        },
        **{(phase, Event.PAUSE): Phase.PAUSED for phase in (Phase.SCHEDULED, Phase.RUNNING, Phase.WAITING)},
        (Phase.HALTED, Event.PAUSE): Phase.HALTED,
    }
)

#: No send of it starts, on any node.
STOPPED: Final = frozenset({Phase.PAUSED, Phase.HALTED, Phase.CANCELLING, Phase.CANCELLED})
#: Nothing of it will be fed any more.
OVER: Final = frozenset({Phase.CANCELLED, Phase.FINISHED})
#: Somebody has to look after it.
LIVE: Final = frozenset(Phase) - OVER - {Phase.DRAFT}


def after(phase: Phase, event: Event) -> Phase | None:
    """The phase that an event leads to; None where it can't happen."""
    return TABLE.get((phase, event))
