"""What to do about a stop, in words: for somebody who was woken up by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tidegate.policy.reach import Scope
from tidegate.policy.verdict import Reason

_SUPPORT: Final = "Open Business Support Home in Meta Business Suite: "
_MANAGER: Final = "Look at WhatsApp Manager: "
_EARLY: Final = (
    "Look at what was sent last and to whom: the gateway saw this before Meta's rating fell. Improve the text or the "
    "audience before more goes out."
)
_PACE: Final = (
    "Nothing: the pace comes back by itself. If it does not, look whether another system sends from the same number."
)
_STATUS_PAGE: Final = (
    "Look at Meta's status page (metastatus.com/whatsapp-business-api). Sends are tried one by one, and go on by "
    "themselves."
)
_TEMPLATE: Final = (
    "Stop the campaign that uses the template, and improve its text or audience. Meta lifts a pause by itself; the "
    "third one disables the template for good."
)
_NUMBER: Final = (
    "Send no marketing from it, and let replies and codes restore its quality: look in WhatsApp Manager for what users "
    "complain about."
)
_REPAIR: Final = _MANAGER + "the number cannot send until it is set up there again."
_TOKEN: Final = "Make a new system user's access token with the messaging permission, and give it to the gateway."
_RESTRICTED: Final = _SUPPORT + "the restriction says what it forbids, until when, and how to ask for a review."
_LOCKED: Final = _SUPPORT + "ask for a review; only Meta can lift it."
_UTILITY: Final = (
    "Make sure that utility templates carry no advertising, and edit those that do. "
    + _SUPPORT
    + "it says which ones, and until when."
)
_CALLS: Final = "Nothing: it ends by itself. If it comes again, look for what else calls Graph with the same app."

#: By the default rule that stops or slows down.
BY_RULE: Final[Mapping[str, str]] = {
    "throughput": _PACE,
    "maintenance": "Nothing: Meta is moving the number, and sends go on by themselves within minutes.",
    "unavailable": _STATUS_PAGE,
    "management_calls": _CALLS,
    "app_calls": _CALLS,
    "token": _TOKEN,
    "permission": "Check in Meta Business Suite that the token's system user may still use the account, and that the "
    "app has the messaging permission.",
    "template_paused": _TEMPLATE,
    "template_disabled": "Use another template: Meta has disabled this one. It can be edited and appealed in WhatsApp "
    "Manager.",
    "template_unknown": "Check the template's name and language in WhatsApp Manager, and that it is approved.",
    "template_red": _TEMPLATE,
    "template_yellow": "Look who gets this template, and what users complain about: at RED it is stopped. Slowed down, "
    "it harms less until Meta rates it GREEN.",
    "template_held": "Wait: Meta shows the first sends to some users, mostly for less than an hour. Improve the text "
    "if the rest is dropped.",
    "template_syncing": "Nothing: Meta takes the template within ten minutes.",
    "flow_blocked": "Mend the Flow that the template opens: Meta has blocked it. WhatsApp Manager tells why.",
    "flow_throttled": "Mend the endpoint of the Flow that the template opens: Meta slows it down for its errors.",
    "template_blocked": _MANAGER + "the template's own page says what has to be mended before it may be sent.",
    "template_warning": _EARLY,
    "template_alarm": _EARLY,
    "spam_rate": _NUMBER,
    "number_yellow": _NUMBER,
    "number_red": _NUMBER,
    "number_flagged": _NUMBER,
    "number_restricted": _NUMBER,
    "number_rate_limited": "Wait for the limit's places to come free; send no marketing from it meanwhile.",
    "number_unusable": _REPAIR,
    "number_unregistered": "Register the number again (POST /<number>/register), and check its certificate.",
    "registration_wait": "Wait five minutes before you register the number again.",
    "display_name": _MANAGER + "the display name has to be approved before the number sends.",
    "number_blocked": _MANAGER + "the number's page says what has to be mended before it may send.",
    "number_warning": _EARLY,
    "number_alarm": _EARLY,
    "category_warning": _EARLY,
    "category_alarm": _EARLY,
    "portfolio_pacing": "Send no campaigns: Meta has dropped what it held back. " + _RESTRICTED,
    "violation": "Take what broke the policy out of the templates before it is restricted. " + _RESTRICTED,
    "no_business_initiated": _RESTRICTED,
    "no_replies": _RESTRICTED,
    "policy": _RESTRICTED,
    "restriction_of_a_new_kind": _RESTRICTED,
    "account_locked": _LOCKED,
    "banned": _LOCKED,
    "ban_announced": _LOCKED,
    "ban_of_a_new_kind": _LOCKED,
    "deleted": "Check who deleted the account, and take it out of the gateway's settings if it is meant.",
    "offboarded": "Take the account into the Cloud API again, or out of the gateway's settings if it is meant.",
    "review": _LOCKED,
    "utility_limited": _UTILITY,
    "utility_limit": _UTILITY,
    "utility_reclassified": _UTILITY,
    "no_direct_send": "Send with approved templates meanwhile. " + _RESTRICTED,
    "direct_send": "Send with approved templates meanwhile. " + _RESTRICTED,
    "payment": "Look at the payment method in WhatsApp Manager, or top the wallet up.",
    "account_blocked": _RESTRICTED,
    "business_blocked": _RESTRICTED,
    "app_blocked": "Open the app's dashboard at developers.facebook.com: it says what is required of the app.",
}

#: By the reason that a stopped send is given: for an operator's own rules.
BY_REASON: Final[Mapping[Reason, str]] = {
    Reason.MESSAGING_LIMIT: "Wait for places to come free: what is queued goes by itself. Do not close this by hand "
    "unless Meta has raised the limit.",
    Reason.THROUGHPUT: "Nothing: the pace comes back by itself.",
    Reason.UPSTREAM_THROTTLED: "Nothing: the pace comes back by itself once Meta takes calls again.",
    Reason.UPSTREAM_UNAVAILABLE: _STATUS_PAGE,
    Reason.TEMPLATE_PAUSED: _TEMPLATE,
    Reason.TEMPLATE_DISABLED: BY_RULE["template_disabled"],
    Reason.TEMPLATE_UNKNOWN: BY_RULE["template_unknown"],
    Reason.NUMBER_STANDING: "Look at the number in WhatsApp Manager: its quality or its status is what stops it. "
    "Stop marketing from it, and let replies and codes restore its quality.",
    Reason.ACCOUNT_RESTRICTED: _RESTRICTED,
    Reason.ACCOUNT_LOCKED: _LOCKED,
    Reason.USER_MARKETING_LIMIT: "Nothing: Meta holds marketing back from these users for a while.",
    Reason.BUDGET: BY_RULE["payment"],
    Reason.CAMPAIGN_HALTED: "Read the cause, and mend the text or the audience before more goes out.",
    Reason.STORE_UNAVAILABLE: "Look after the store first; the gateway goes on by itself.",
}
#: A throttle without a reason of its own may have any cause: what is slowed down says where to look.
_SLOWED: Final[Mapping[Scope, str]] = {
    Scope.TEMPLATE: "Look who gets this template, and what users complain about, before it is stopped.",
    Scope.CATEGORY: "Look what was sent last in this category, and to whom.",
    Scope.WABA: _RESTRICTED,
}
OF_A_GATE: Final = "Read what the gate found; then resume the campaign, or cancel it."
_OTHERWISE: Final = "Read the cause; close it by hand only when you know that it is over."


def remedy(rule: str, scope: str, reason: str) -> str:
    """What to do about a stop by this rule, of this kind of scope, whose sends are given this reason."""
    if rule in BY_RULE:
        return BY_RULE[rule]
    if reason == Reason.THROUGHPUT and scope in _SLOWED:
        return _SLOWED[Scope(scope)]
    return BY_REASON.get(Reason(reason), _OTHERWISE) if reason in set(Reason) else _OTHERWISE
