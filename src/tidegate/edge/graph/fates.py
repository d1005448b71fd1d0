"""What became of a message whose request ended without an answer, told to the request that repeats it."""

from __future__ import annotations

from typing import Final

from tidegate.cloudapi.messages import Request
from tidegate.edge.graph import answers
from tidegate.edge.replies import Reply
from tidegate.gateway import Held
from tidegate.policy.lifecycle import State
from tidegate.policy.verdict import Reason
from tidegate.store.messages import MessageRecord

_TAKEN: Final = frozenset({State.ACCEPTED, State.SENT, State.DELIVERED, State.READ})


def fate(record: MessageRecord, request: Request, now_ms: int) -> Reply | None:
    """The answer by the message's record, at `now_ms`; None where it is proven that it was never sent and never will
    be: a new try doubles nothing, and is answered as the first should have been."""
    message_id, state = record.message_id, record.state
    if state in _TAKEN and record.wamid is not None:
        return answers.taken(request, message_id, record.wamid)
    match state:
        case State.QUEUED:
            held = Held(message_id, "queue", _reason(record.reason), record.until_ms)
            return answers.render(held, request, now_ms)
        case State.FAILED if not record.taken:
            return None
        case State.FAILED | State.EXPIRED | State.CANCELLED:
            cause = record.history[-1].cause if record.history else ""
            return answers.ended(message_id, state.value, cause)
        case _:
            return answers.render(Held(message_id, "unknown", Reason.OUTCOME_UNKNOWN, None), request, now_ms)


def _reason(word: str | None) -> Reason:
    try:
        return Reason(word or "")
    except ValueError:
        # A newer version's word.
        return Reason.SCHEDULED
