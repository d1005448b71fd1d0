"""What comes out of the queue waits until it is known that it was not sent: the store may have lost that it was."""

from tidegate.policy.facts import Case
from tidegate.policy.standing import Standing
from tidegate.policy.verdict import Objection, Reason


def whole_queue(case: Case, standing: Standing, now_ms: int) -> Objection | None:
    """Objects to a queued message while nodes that may have sent it have not said what they sent."""
    if not case.queued or standing.held_until_ms <= now_ms:
        return None
    detail = "the store lost what it was told last: what was queued waits until it is known what was sent"
    return Objection(Reason.STORE_UNAVAILABLE, detail, until_ms=standing.held_until_ms)
