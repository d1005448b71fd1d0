"""What a signal means, in words: for somebody who does not know the codes.

The meanings are those of Meta's pages that `vocabulary` names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from tidegate.cloudapi.error_codes import Action, Scope, lookup

_CAUSE: Final = re.compile(r"([a-z]+\.[A-Za-z0-9_.]+)( \(.*\))?(, which does not say which [a-z]+)?", re.DOTALL)
_OF: Final = {
    "PHONE_NUMBER": "the number",
    "MESSAGE_TEMPLATE": "the template",
    "WABA": "the account",
    "BUSINESS": "the business",
    "APP": "the app",
}
_CAN: Final = {"AVAILABLE": "may send", "LIMITED": "may send less than it asks for", "BLOCKED": "may not send"}
_RATES: Final = {
    "block_proxy": "more sends than usual are withheld, as when users block",
    "failure": "more sends than usual fail",
    "opt_out": "more users than usual opt out",
    "undelivered": "of more sends than usual nothing is heard",
    "unread": "fewer sends than usual are read",
}
_LEVELS: Final = {
    "calm": "all is as usual again",
    "watch": "worth watching",
    "throttle": "bad enough to slow down",
    "stop": "bad enough to stop",
}

#: By family, then by the word behind it; a family's own words for `OTHER` and what Meta adds stand under "".
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "template.status": {
        "APPROVED": "Meta has approved the template",
        "ARCHIVED": "Meta has archived the template: it was not used for long",
        "DELETED": "the template was deleted",
        "DISABLED": "Meta has disabled the template",
        "FLAGGED": "Meta warns that it may disable the template",
        "IN_APPEAL": "the template is being appealed",
        "LIMIT_EXCEEDED": "the account has more templates than it may have",
        "LOCKED": "Meta has locked the template",
        "PAUSED": "Meta paused the template",
        "PENDING": "Meta is reviewing the template",
        "PENDING_DELETION": "the template is being deleted",
        "REINSTATED": "Meta has let the template go again",
        "REJECTED": "Meta has rejected the template",
        "UNARCHIVED": "the template is archived no more",
        "UNPAUSE": "Meta has lifted the template's pause",
    },
    "template.quality": {"": "Meta rates the template {word}"},
    "template.category": {
        "changed": "Meta has changed the template's category",
        "upcoming": "Meta will change the template's category",
    },
    "template": {"held": "Meta holds the template's sends back until it sees how users take the first ones"},
    "number.quality": {"": "Meta rates the number {word}"},
    "number.status": {
        "BANNED": "Meta has banned the number",
        "CONNECTED": "the number is connected",
        "DELETED": "the number was deleted",
        "DISCONNECTED": "the number is disconnected from the Cloud API",
        "FLAGGED": "Meta has flagged the number: its quality is low",
        "MIGRATED": "the number was moved to another account",
        "PENDING": "the number is not set up yet",
        "RATE_LIMITED": "Meta has the number at its limit",
        "RESTRICTED": "Meta restricts the number: its limit is reached while its quality is low",
        "UNKNOWN": "Meta does not say how the number is",
        "UNVERIFIED": "the number is not verified",
    },
    "number.event": {
        "DOWNGRADE": "Meta has lowered the number's messaging limit",
        "FLAGGED": "Meta has flagged the number: its quality is low",
        "ONBOARDING": "Meta has taken the number in",
        "THROUGHPUT_UPGRADE": "Meta has raised the number's throughput",
        "UNFLAGGED": "Meta has taken the number's flag back",
        "UPGRADE": "Meta has raised the number's messaging limit",
    },
    "number.name": {"": "Meta says of the number's display name: {word}"},
    "number.security": {
        "PIN_CHANGED": "somebody changed the number's PIN",
        "PIN_REQUEST_SUCCESS": "somebody had the number's PIN reset",
        "PIN_RESET_REQUEST": "somebody asks for a new PIN of the number",
        "": "something happened to the number's PIN",
    },
    "account.ban": {
        "DISABLE": "Meta has banned the account",
        "REINSTATE": "Meta has lifted the account's ban",
        "SCHEDULE_FOR_DISABLE": "Meta is going to ban the account",
        "": "Meta speaks of a ban of the account, of a kind that is not known",
    },
    "account.violation": {"": "Meta says that the account broke its policy: {word}"},
    "account.restriction": {
        "RESTRICTED_BIZ_INITIATED_MESSAGING": "Meta forbids the account to write first",
        "RESTRICTED_CUSTOMER_INITIATED_MESSAGING": "Meta forbids the account to answer users",
        "RESTRICTED_ADD_PHONE_NUMBER_ACTION": "Meta forbids the account to add numbers",
        "RESTRICTED_UTILITY_TEMPLATES": "Meta takes the account's utility templates for marketing",
        "RESTRICTED_DIRECT_SEND_UTILITY_TEMPLATES": "Meta forbids the account to send without a template",
        "RATE_LIMITED_UTILITY_TEMPLATE_MESSAGING": "Meta limits the account's utility sends",
        "RESTRICTED_BUSINESS_INITIATED_CALLING": "Meta forbids the account to call users",
        "RESTRICTED_USER_INITIATED_CALLING": "Meta forbids users to call the account",
        "RESTRICTED_USER_INITIATED_CALLING_CALL_BUTTON_HIDDEN": "Meta hides the account's call button",
        "RESTRICTED_BIZ_INITIATED_AND_USER_INITIATED_CALLING": "Meta forbids the account all calls",
        "": "Meta restricts the account in a way that is not known",
    },
    "account.event": {
        "ACCOUNT_DELETED": "the account was deleted",
        "ACCOUNT_OFFBOARDED": "the account has left the Cloud API",
        "ACCOUNT_RECONNECTED": "the account is back on the Cloud API",
        "PARTNER_APP_UNINSTALLED": "a partner's app was taken off the account",
        "PARTNER_REMOVED": "a partner was taken off the account",
    },
    "account.review": {"": "Meta's review of the account says: {word}"},
    "account.alert": {"": "Meta has an alert for the account: {word}"},
    "preference": {
        "stop": "the user wants no marketing",
        "resume": "the user wants marketing again",
    },
    "message": {"delivered": "a message was delivered", "received": "the user wrote"},
    "token": {"accepted": "Meta takes the access token"},
}


def in_words(cause: str) -> str:
    """What a breaker's or an effect's cause means; a cause that names no signal is in words already."""
    read = _CAUSE.fullmatch(cause)
    words = read and _meaning(read[1])
    if not read or not words:
        return cause
    return f"{words}{read[2] or ''}{read[3] or ''}"


def _meaning(name: str) -> str | None:
    match name.split("."):
        case ["error", "unlisted", code]:
            return f"Meta refused a send with a code that is not known: {code}"
        case ["error", code, *dropped] if re.fullmatch("[0-9]{1,9}", code):
            return _refusal(int(code), bool(dropped))
        case ["health", entity, availability] if entity in _OF and availability in _CAN:
            return f"Meta's health status says that {_OF[entity]} {_CAN[availability]}"
        case ["warning", whom, metric, level] if metric in _RATES and level in _LEVELS:
            return f"early warning for the {whom}: {_LEVELS[level]}" + (
                "" if level == "calm" else f" ({_RATES[metric]})"
            )
    family, _, word = name.rpartition(".")
    words = _WORDS.get(family, {})
    told = words.get(word, words.get(""))
    return None if told is None else told.format(word=word.replace("_", " "))


def _refusal(code: int, dropped: bool) -> str:
    meaning = lookup(code, in_status=dropped)
    if dropped:
        return f"Meta dropped a send that it had taken: {code}, {meaning.title}"
    # What has the app's calls counted is met by reading, too.
    what = "call" if meaning.action is Action.PAUSE_POLLING or meaning.scope is Scope.APP else "send"
    return f"Meta refused a {what}: {code}, {meaning.title}"
