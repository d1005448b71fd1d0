"""What to do about a stop, in words: for somebody who was woken up by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tidegate.policy.verdict import Reason

#: By the reason that a stopped send is given.
REMEDIES: Final[Mapping[Reason, str]] = {
    Reason.MESSAGING_LIMIT: "Wait for places to come free: what is queued goes by itself. Do not close this by hand "
    "unless Meta has raised the limit.",
    Reason.THROUGHPUT: "Nothing: the pace comes back by itself. If it does not, look whether another system sends from "
    "the same number.",
    Reason.UPSTREAM_THROTTLED: "Nothing: the pace comes back by itself once Meta takes calls again.",
    Reason.UPSTREAM_UNAVAILABLE: "Look at Meta's status page (metastatus.com/whatsapp-business-api). Sends are tried "
    "one by one, and go on by themselves.",
    Reason.TEMPLATE_PAUSED: "Stop the campaign that uses the template, and improve its text or audience. Meta lifts "
    "the pause by itself; a third pause disables the template for good.",
    Reason.TEMPLATE_DISABLED: "Use another template: Meta has disabled this one. It can be edited and appealed in "
    "WhatsApp Manager.",
    Reason.TEMPLATE_UNKNOWN: "Check the template's name and language in WhatsApp Manager, and that it is approved.",
    Reason.NUMBER_STANDING: "Look at the number in WhatsApp Manager: its quality or its status is what stops it. "
    "Stop marketing from it, and let replies and codes restore its quality.",
    Reason.ACCOUNT_RESTRICTED: "Open Business Support Home in Meta Business Suite: the restriction says what it "
    "forbids, until when, and how to ask for a review.",
    Reason.ACCOUNT_LOCKED: "Open Business Support Home in Meta Business Suite and ask for a review: only Meta can lift "
    "it.",
    Reason.USER_MARKETING_LIMIT: "Nothing: Meta holds marketing back from these users for a while.",
    Reason.BUDGET: "Look at the payment method in WhatsApp Manager, or top the wallet up.",
    Reason.CAMPAIGN_HALTED: "Read why the gate halted it, then resume or cancel the campaign.",
    Reason.STORE_UNAVAILABLE: "Look after the store first; the gateway goes on by itself.",
}
_OTHERWISE: Final = "Read the cause; close it by hand only when you know that it is over."


def remedy(reason: str) -> str:
    """What to do about a stop with this reason."""
    return REMEDIES.get(Reason(reason), _OTHERWISE) if reason in set(Reason) else _OTHERWISE
