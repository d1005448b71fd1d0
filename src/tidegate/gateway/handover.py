"""A campaign's message whose number may not send it goes by another of the campaign's numbers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from msgspec.structs import replace

from tidegate.gateway.message import Message
from tidegate.policy.decide import is_free
from tidegate.policy.standing import Standing
from tidegate.policy.verdict import Reason

#: What may hold a message by one number, and not by another.
_OF_A_NUMBER: Final = frozenset(
    {
        Reason.NUMBER_STANDING,
        Reason.ACCOUNT_RESTRICTED,
        Reason.ACCOUNT_LOCKED,
        Reason.TEMPLATE_PAUSED,
        Reason.CAMPAIGN_HALTED,
        Reason.PAUSED_BY_OPERATOR,
    }
)


def by_another_number(
    message: Message, reason: Reason, standing: Standing, now_ms: int, tried: Collection[str]
) -> Message | None:
    """The message by the first of its other numbers that has not been `tried` and that nothing in the standing stops.

    None where there is none, or where `reason` (why it would be queued) would hold it by any number.
    """
    if reason not in _OF_A_NUMBER:
        return None
    template = message.request.template
    for route in message.alternatives:
        if route.number in tried:
            continue
        category = message.category
        if template is not None:
            known = standing.template(route.waba, template.name, template.language)
            category = (known.category if known else None) or category
        other = replace(message.by(route), category=category)
        if is_free(other.case(0.0, standing.rules), standing, now_ms):
            return other
    return None
