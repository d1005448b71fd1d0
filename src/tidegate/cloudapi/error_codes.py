"""Every error code of the Cloud API that concerns sending: what it means, whom it concerns, what to do.

Source: Meta, "Error codes" (September 2026; HTTP statuses from the copy of December 2025), "Graph API error
handling" and "Graph API rate limits". Meta asks to build on the code alone: statuses, titles and subcodes
change.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from .vocabulary import Category


class Scope(StrEnum):
    """What an error speaks of: the smallest thing for which the next send would fail alike."""

    MESSAGE = "message"
    RECIPIENT = "recipient"
    TEMPLATE = "template"
    PAIR = "pair"
    """One business number and one user."""
    NUMBER = "number"
    WABA = "waba"
    PORTFOLIO = "portfolio"
    APP = "app"
    """The app, and so the access token."""
    GLOBAL = "global"


class Action(StrEnum):
    """What the scope of an error calls for, beyond the message itself."""

    NONE = "none"
    THROTTLE = "throttle"
    """Send less, or a little later."""
    HOLD = "hold"
    """Stop sending in the scope for a while; it recovers by itself."""
    STOP = "stop"
    """Stop sending in the scope until somebody has repaired it, or Meta says that it is well again."""
    CLOSE = "close"
    """Stop sending in the scope for ever."""
    SUPPRESS = "suppress"
    """Do not write to this user."""
    CLOSE_WINDOW = "close_window"
    """Forget the user's customer service window."""
    PAUSE_POLLING = "pause_polling"
    """Leave the management calls alone; sends go on."""


class Retry(StrEnum):
    """Whether the same message may be sent again."""

    NEVER = "never"
    BACKOFF = "backoff"
    """A few times, with growing pauses."""
    AFTER_SCOPE = "after_scope"
    """Once the scope is well again: the message itself was right."""


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One error code, or a range of codes that mean the same."""

    code: int
    http_status: int | None
    """What Meta answers with; None where the code comes by webhook only, or Meta does not say."""
    title: str
    scope: Scope
    action: Action
    retry: Retry
    category: Category | None = None
    """The only category concerned; None for all."""
    wait_s: int | None = None
    """The shortest wait that Meta names before the next attempt (or that we take where it names none)."""
    settles: bool = True
    """Whether an answer with this code proves that Meta did not take the message."""
    releases_place: bool = True
    """Whether a refusal or a `failed` status with this code proves that no message reached the user."""
    known: bool = True
    """False for a code that was judged by its HTTP status alone."""

    @property
    def is_throttle(self) -> bool:
        """Whether Meta only cannot take the message for a moment: it may be queued, and costs no attempt."""
        return self.code in _THROTTLES


_THROTTLES: Final = frozenset({2, 130429, 131016, 131056, 131057})

_NONE, _THROTTLE, _HOLD, _STOP, _CLOSE = Action.NONE, Action.THROTTLE, Action.HOLD, Action.STOP, Action.CLOSE
_NEVER, _BACKOFF, _AFTER = Retry.NEVER, Retry.BACKOFF, Retry.AFTER_SCOPE
_MESSAGE, _RECIPIENT, _TEMPLATE, _NUMBER = Scope.MESSAGE, Scope.RECIPIENT, Scope.TEMPLATE, Scope.NUMBER
_WABA, _APP = Scope.WABA, Scope.APP
_DAY_S: Final = 86_400

# A failure that Meta itself cannot explain does not prove that no device of the user got the message, so as a
# status it frees no place. 131051, 131052 and 131060 are told of users' messages and say nothing of a send.
_ROWS: Final = (
    ErrorCode(0, 401, "AuthException", _APP, _STOP, _AFTER),
    ErrorCode(1, 400, "API Unknown", _MESSAGE, _NONE, _BACKOFF, releases_place=False),
    ErrorCode(2, 503, "API Service", Scope.GLOBAL, _HOLD, _BACKOFF),
    ErrorCode(3, 500, "API Method", _APP, _STOP, _AFTER),
    ErrorCode(4, 400, "API Too Many Calls", _APP, _HOLD, _AFTER),
    ErrorCode(10, 403, "Permission Denied", _APP, _STOP, _AFTER),
    ErrorCode(17, 400, "User request limit reached", _APP, _HOLD, _AFTER),
    ErrorCode(32, 400, "Page request limit reached", _APP, _HOLD, _AFTER),
    ErrorCode(33, 400, "Parameter value is not valid", _NUMBER, _STOP, _AFTER),
    ErrorCode(100, 400, "Invalid parameter", _MESSAGE, _NONE, _NEVER),
    ErrorCode(190, 401, "Access token has expired", _APP, _STOP, _AFTER),
    ErrorCode(341, 400, "Application limit reached", _APP, _HOLD, _AFTER),
    ErrorCode(368, 403, "Temporarily blocked for policies violations", _WABA, _STOP, _AFTER),
    ErrorCode(613, 400, "Calls to this API have exceeded the rate limit", _APP, _HOLD, _AFTER),
    ErrorCode(80007, 400, "Rate limit issues", _WABA, Action.PAUSE_POLLING, _AFTER),
    ErrorCode(80008, 400, "Rate limit issues", _WABA, Action.PAUSE_POLLING, _AFTER),
    ErrorCode(130403, None, "Business has blocked this user", _RECIPIENT, Action.SUPPRESS, _NEVER),
    ErrorCode(130429, 400, "Rate limit hit", _NUMBER, _THROTTLE, _BACKOFF, wait_s=1),
    ErrorCode(
        130472,
        400,
        "User's number is part of an experiment",
        _RECIPIENT,
        Action.SUPPRESS,
        _NEVER,
        category=Category.MARKETING,
    ),
    # The country belongs to the user, so the user is the smallest scope that the code itself proves.
    ErrorCode(
        130497,
        403,
        "Business account is restricted from messaging users in this country",
        _RECIPIENT,
        Action.SUPPRESS,
        _NEVER,
    ),
    ErrorCode(131000, 500, "Something went wrong", _MESSAGE, _NONE, _BACKOFF, releases_place=False),
    ErrorCode(131005, 403, "Access denied", _APP, _STOP, _AFTER),
    ErrorCode(131008, 400, "Required parameter is missing", _MESSAGE, _NONE, _NEVER),
    ErrorCode(131009, 400, "Parameter value is not valid", _MESSAGE, _NONE, _NEVER),
    ErrorCode(131016, 500, "Service unavailable", Scope.GLOBAL, _HOLD, _BACKOFF),
    ErrorCode(131021, 400, "Recipient cannot be sender", _MESSAGE, _NONE, _NEVER),
    ErrorCode(131026, 400, "Message undeliverable", _RECIPIENT, Action.SUPPRESS, _NEVER),
    ErrorCode(131030, 400, "Recipient phone number not in allowed list", _MESSAGE, _NONE, _NEVER),
    ErrorCode(131031, 403, "Account has been locked", _WABA, _STOP, _AFTER),
    ErrorCode(131037, 400, "Display name approval needed", _NUMBER, _STOP, _AFTER),
    ErrorCode(131042, 400, "Business eligibility payment issue", _WABA, _STOP, _AFTER),
    ErrorCode(131045, 500, "Incorrect certificate", _NUMBER, _STOP, _AFTER),
    ErrorCode(131047, 400, "Re-engagement message", Scope.PAIR, Action.CLOSE_WINDOW, _NEVER),
    ErrorCode(131048, 400, "Spam rate limit hit", _NUMBER, _STOP, _AFTER, wait_s=3_600),
    ErrorCode(
        131049,
        400,
        "Meta chose not to deliver",
        _RECIPIENT,
        Action.SUPPRESS,
        _NEVER,
        category=Category.MARKETING,
        wait_s=_DAY_S,
    ),
    ErrorCode(
        131050,
        400,
        "User has stopped receiving marketing messages",
        _RECIPIENT,
        Action.SUPPRESS,
        _NEVER,
        category=Category.MARKETING,
    ),
    ErrorCode(131051, 400, "Unsupported message type", _MESSAGE, _NONE, _NEVER, releases_place=False),
    ErrorCode(131052, 400, "Media download error", _MESSAGE, _NONE, _NEVER, settles=False, releases_place=False),
    ErrorCode(131053, 400, "Media upload error", _MESSAGE, _NONE, _NEVER),
    ErrorCode(131055, 400, "Method not allowed", _MESSAGE, _NONE, _NEVER),
    ErrorCode(131056, 400, "Pair rate limit hit", Scope.PAIR, _THROTTLE, _BACKOFF, wait_s=1),
    ErrorCode(131057, 500, "Account in maintenance mode", _NUMBER, _HOLD, _BACKOFF, wait_s=60),
    ErrorCode(131059, 400, "Pagination cursor is not valid", _MESSAGE, _NONE, _NEVER),
    ErrorCode(131060, None, "Message unavailable", _MESSAGE, _NONE, _NEVER, settles=False, releases_place=False),
    ErrorCode(131062, 400, "Recipient user id is not supported", _MESSAGE, _NONE, _NEVER),
    ErrorCode(131063, 400, "Marketing messages are disabled", _WABA, _STOP, _NEVER, category=Category.MARKETING),
    ErrorCode(
        131064,
        400,
        "Messaging limit reached due to template classification violations",
        _WABA,
        _STOP,
        _AFTER,
        category=Category.UTILITY,
    ),
    ErrorCode(132000, 400, "Template parameter count mismatch", _MESSAGE, _NONE, _NEVER),
    ErrorCode(132001, 404, "Template does not exist", _TEMPLATE, _STOP, _NEVER),
    ErrorCode(132005, 400, "Template hydrated text too long", _MESSAGE, _NONE, _NEVER),
    ErrorCode(132007, 400, "Template format character policy violated", _TEMPLATE, _NONE, _NEVER),
    ErrorCode(132012, 400, "Template parameter format mismatch", _MESSAGE, _NONE, _NEVER),
    ErrorCode(132015, 400, "Template is Paused", _TEMPLATE, _STOP, _AFTER),
    ErrorCode(132016, 400, "Template is Disabled", _TEMPLATE, _CLOSE, _NEVER),
    ErrorCode(132018, 400, "Template parameter validation failed", _MESSAGE, _NONE, _NEVER),
    ErrorCode(132068, 400, "Flow is in blocked state", _TEMPLATE, _STOP, _NEVER),
    ErrorCode(132069, 400, "Flow is in throttled state", _TEMPLATE, _THROTTLE, _AFTER),
    ErrorCode(133004, 503, "Server temporarily unavailable", _NUMBER, _HOLD, _BACKOFF),
    ErrorCode(133010, 400, "Phone number not registered", _NUMBER, _STOP, _AFTER),
    ErrorCode(133015, 400, "Wait a few minutes before registering", _NUMBER, _HOLD, _AFTER, wait_s=300),
    ErrorCode(134011, 400, "Payments terms of service not accepted", _WABA, _NONE, _NEVER),
    ErrorCode(134100, 400, "Only marketing messages are supported", _MESSAGE, _NONE, _NEVER),
    ErrorCode(134101, 400, "Template is still being synced", _TEMPLATE, _HOLD, _AFTER, wait_s=600),
    ErrorCode(134102, 500, "Template could not be synced", _TEMPLATE, _NONE, _BACKOFF),
    ErrorCode(134103, 400, "Template cannot be used", _TEMPLATE, _NONE, _NEVER),
    ErrorCode(135000, 400, "Generic user error", _MESSAGE, _NONE, _NEVER),
    ErrorCode(137000, 400, "Recipient identity key hash mismatch", _RECIPIENT, Action.SUPPRESS, _NEVER),
    ErrorCode(139200, 400, "Direct Send access blocked", _WABA, _STOP, _NEVER),
    ErrorCode(141002, 400, "Template is not approved", _TEMPLATE, _STOP, _NEVER),
    ErrorCode(1752041, 400, "Template migration error", _MESSAGE, _NONE, _NEVER),
    ErrorCode(2494100, 503, "Account in maintenance mode", _NUMBER, _HOLD, _BACKOFF, wait_s=60),
)

CODES: Final = {row.code: row for row in _ROWS}

# The first code of each range stands for all of it; a code of its own in CODES comes before its range.
_RANGES: Final = (
    (range(200, 300), ErrorCode(200, 403, "API Permission", _APP, _STOP, _AFTER)),
    (range(133000, 133017), ErrorCode(133000, 400, "Phone number registration", _NUMBER, _NONE, _NEVER)),
    (range(147001, 147006), ErrorCode(147001, 400, "Username error", _MESSAGE, _NONE, _NEVER)),
    (range(200005, 200008), ErrorCode(200005, 400, "Insights unavailable", _MESSAGE, _NONE, _NEVER)),
    (range(2388000, 2389000), ErrorCode(2388000, 400, "Template management", _MESSAGE, _NONE, _NEVER)),
    (range(2593000, 2594000), ErrorCode(2593000, 400, "Synchronisation", _MESSAGE, _NONE, _NEVER)),
)

# As a status these mean that messages held by pacing were dropped: Meta, "Template pacing" and "Business
# portfolio pacing" (May 2026). The dropped message is not to be sent again.
_AS_STATUS: Final = {
    132015: replace(CODES[132015], retry=_NEVER),
    135000: replace(CODES[135000], title="Dropped by portfolio pacing", scope=Scope.PORTFOLIO, action=_STOP),
}


def lookup(code: int, http_status: int | None = None, *, in_status: bool = False) -> ErrorCode:
    """What an error code means; `in_status` when it came in a status webhook instead of an answer.

    A code that is not listed is judged by the HTTP status it came with: retryable from 500 on, else final. It
    frees no place, since nothing is known of it.
    """
    if in_status and code in _AS_STATUS:
        return _AS_STATUS[code]
    if code in CODES:
        return CODES[code]
    for codes, meaning in _RANGES:
        if code in codes:
            return replace(meaning, code=code)
    retry = _BACKOFF if http_status is not None and http_status >= 500 else _NEVER
    return ErrorCode(code, http_status, "Unknown error", _MESSAGE, _NONE, retry, releases_place=False, known=False)
