"""The names of all signals: a closed list, so that a rule that names none of them is a mistake that can be told.

The words behind the dots are Meta's own where it has some (reference pages of the error codes, the webhooks
`account_update`, `account_alerts`, `message_template_status_update`, `phone_number_quality_update`, `security`, and
of `health_status`). `OTHER` stands for one that Meta has added since.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from fnmatch import fnmatchcase, translate
from functools import lru_cache
from typing import Final

from tidegate.cloudapi.error_codes import CODES, lookup
from tidegate.cloudapi.events import NumberEvent
from tidegate.cloudapi.vocabulary import NumberStatus, Quality, TemplateStatus

OTHER: Final = "OTHER"

#: `waba_ban_state`.
BANS: Final = ("DISABLE", "REINSTATE", "SCHEDULE_FOR_DISABLE", OTHER)
#: `violation_type`. Those of template misuse come with an ACCOUNT_RESTRICTION.
VIOLATIONS: Final = (
    "ADULT",
    "SCAM",
    "UTILITY_TEMPLATE_ABUSE",
    "UTILITY_TEMPLATE_ABUSE_UNBAN",
    "UTILITY_TEMPLATE_ABUSE_RATE_LIMIT",
    "UTILITY_TEMPLATE_ABUSE_RATE_LIMIT_RECOVERY",
    OTHER,
)
#: `restriction_type`.
RESTRICTIONS: Final = (
    "RESTRICTED_BIZ_INITIATED_MESSAGING",
    "RESTRICTED_CUSTOMER_INITIATED_MESSAGING",
    "RESTRICTED_ADD_PHONE_NUMBER_ACTION",
    "RESTRICTED_UTILITY_TEMPLATES",
    "RESTRICTED_DIRECT_SEND_UTILITY_TEMPLATES",
    "RATE_LIMITED_UTILITY_TEMPLATE_MESSAGING",
    "RESTRICTED_BUSINESS_INITIATED_CALLING",
    "RESTRICTED_USER_INITIATED_CALLING",
    "RESTRICTED_USER_INITIATED_CALLING_CALL_BUTTON_HIDDEN",
    "RESTRICTED_BIZ_INITIATED_AND_USER_INITIATED_CALLING",
    OTHER,
)
#: `event` of `account_update`, as far as it is more than the frame of a ban, a violation or a restriction.
ACCOUNT_EVENTS: Final = (
    "ACCOUNT_DELETED",
    "ACCOUNT_OFFBOARDED",
    "ACCOUNT_RECONNECTED",
    "PARTNER_APP_UNINSTALLED",
    "PARTNER_REMOVED",
)
REVIEWS: Final = ("APPROVED", "REJECTED", "PENDING", "DEFERRED", OTHER)
ALERTS: Final = (
    "INCREASED_CAPABILITIES_ELIGIBILITY_DEFERRED",
    "INCREASED_CAPABILITIES_ELIGIBILITY_FAILED",
    "INCREASED_CAPABILITIES_ELIGIBILITY_NEED_MORE_INFO",
    "OBA_APPROVED",
    "OBA_REJECTED",
    "PROFILE_PICTURE_LOST",
    OTHER,
)
#: `decision` of a display name's review, and `name_status` of the phone number node.
NAME_DECISIONS: Final = (
    "APPROVED",
    "AVAILABLE_WITHOUT_REVIEW",
    "DECLINED",
    "DEFERRED",
    "EXPIRED",
    "NONE",
    "PENDING",
    "PENDING_REVIEW",
    "REJECTED",
    OTHER,
)
SECURITY: Final = ("PIN_CHANGED", "PIN_RESET_REQUEST", "PIN_REQUEST_SUCCESS", OTHER)
HEALTH_ENTITIES: Final = ("PHONE_NUMBER", "MESSAGE_TEMPLATE", "WABA", "BUSINESS", "APP")
AVAILABILITIES: Final = ("AVAILABLE", "LIMITED", "BLOCKED")
#: What early warning watches, and how bad it finds it.
WATCHED: Final = ("template", "category", "number")
METRICS: Final = ("block_proxy", "failure", "opt_out", "undelivered", "unread")
LEVELS: Final = ("calm", "watch", "throttle", "stop")

_PATTERN: Final = re.compile(r"[A-Za-z0-9_.*?]{1,100}")
_CODE: Final = re.compile(r"error\.(unlisted\.)?([0-9]{1,9})")

# The codes whose meaning depends on whether they came in a status: there they tell that pacing has dropped a message.
_DROPPED: Final = frozenset(code for code in CODES if lookup(code) != lookup(code, in_status=True))
# Of the ranges in the table those that are short; `is_name` asks the table for the others.
_IN_RANGES: Final = (*range(200, 300), *range(133000, 133017), *range(147001, 147006), *range(200005, 200008))


def _family(prefix: str, words: tuple[str, ...]) -> list[str]:
    return [f"{prefix}.{word}" for word in words]


NAMES: Final[frozenset[str]] = frozenset(
    [
        *(f"error.{code}" for code in (*CODES, *_IN_RANGES)),
        *(f"error.{code}.dropped" for code in _DROPPED),
        *_family("template.status", tuple(TemplateStatus)),
        *_family("template.quality", tuple(Quality)),
        *_family("template.category", ("changed", "upcoming")),
        "template.held",
        *_family("number.quality", tuple(Quality)),
        *_family("number.status", tuple(NumberStatus)),
        *_family("number.event", tuple(NumberEvent)),
        *_family("number.name", NAME_DECISIONS),
        *_family("number.security", SECURITY),
        *_family("account.ban", BANS),
        *_family("account.violation", VIOLATIONS),
        *_family("account.restriction", RESTRICTIONS),
        *_family("account.event", ACCOUNT_EVENTS),
        *_family("account.review", REVIEWS),
        *_family("account.alert", ALERTS),
        *(f"health.{entity}.{word}" for entity in HEALTH_ENTITIES for word in AVAILABILITIES),
        *_family("preference", ("stop", "resume")),
        *_family("message", ("delivered", "received")),
        "token.accepted",
        *(f"warning.{whom}.{metric}.{level}" for whom in WATCHED for metric in METRICS for level in LEVELS),
    ]
)
"""Every name but `error.unlisted.<code>`: a code of Meta's that is not in the table yet."""


def error_name(code: int, *, in_status: bool = False) -> str:
    """The name of the signal that an error code is."""
    if in_status and code in _DROPPED:
        return f"error.{code}.dropped"
    return f"error.{code}" if lookup(code).known else f"error.unlisted.{code}"


def word(given: str | None, known: tuple[str, ...]) -> str:
    """A word of Meta's, or `OTHER` for one that is not known."""
    return given if given in known else OTHER


def is_name(pattern: str) -> bool:
    """Whether a rule's word is the name of a signal, or a pattern (`*`, `?`) that fits the name of at least one."""
    if not _PATTERN.fullmatch(pattern):
        return False
    code = _CODE.fullmatch(pattern)
    if code:
        return bool(code[1]) or lookup(int(code[2])).known
    return any(fnmatchcase(name, pattern) for name in (*NAMES, "error.unlisted.0"))


def fits(name: str, pattern: str) -> bool:
    """Whether a signal of this name is one that a rule's word speaks of.

    A rule may go on calling a code unlisted when a later version has it in the table.
    """
    return _matcher(pattern).match(name) is not None


# Each signal is held against every rule's words, of which there are some hundred.
@lru_cache(maxsize=1024)
def _matcher(pattern: str) -> re.Pattern[str]:
    code = _CODE.fullmatch(pattern)
    return re.compile(translate(error_name(int(code[2])) if code else pattern))


def nearest(pattern: str) -> str | None:
    """The known name that was most likely meant; None when none is near."""
    close = get_close_matches(pattern, sorted(NAMES), n=1, cutoff=0.6)
    return close[0] if close else None
