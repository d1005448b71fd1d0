"""A send of ours that the store has lost and no node remembers: what its status tells of it, read with care."""

from __future__ import annotations

from typing import Final

from tidegate.cloudapi.events import StatusUpdate
from tidegate.cloudapi.vocabulary import Category
from tidegate.journal import Intent
from tidegate.lasting import lasting_json
from tidegate.policy.decide import hold_ms
from tidegate.policy.rules import Rules

#: A free-form message, and a template in an open window. Source: Meta, "Pricing", `pricing.category`, `pricing.type`.
_SERVICE: Final = "service"
_IN_WINDOW: Final = "free_customer_service"


def lost_send(
    event: StatusUpdate, portfolio: str, message_id: str, wamid: str, recipient: bytes, rules: Rules, now_ms: int
) -> Intent:
    """The send as it may have been: it holds a place for as long as one of its kind can, unless Meta says otherwise.

    It is as old as the status says; of a category that is not told, it may be delivered last of all. `wamid`: Meta's id
    of it, as it is stored.
    """
    pricing = event.pricing
    category = pricing.template_category if pricing else None
    is_free = pricing is not None and (pricing.category == _SERVICE or pricing.type == _IN_WINDOW)
    at_ms = min(event.at_ms, now_ms)
    about = {"number": event.number_id, "waba": event.waba_id, "category": category.value if category else None}
    return Intent(
        portfolio=portfolio,
        message_id=message_id,
        attempt=0,
        recipient=recipient,
        number=event.number_id,
        place="" if is_free or event.group is not None else "1",
        window_ends_ms=0,
        at_ms=at_ms,
        ends_ms=at_ms + hold_ms(category or Category.MARKETING, rules),
        about=lasting_json({key: value for key, value in about.items() if value is not None}),
        state="accepted",
        wamid=wamid,
    )
