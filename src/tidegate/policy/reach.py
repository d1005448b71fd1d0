"""How far something reaches: whom it concerns, which of their messages, and what is done about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, assert_never

from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.facts import Case


class Scope(StrEnum):
    """Whom it concerns, from one user to everything that shares a messaging limit."""

    #: One user, whichever number writes to them.
    RECIPIENT = "recipient"
    #: One business number and one user.
    PAIR = "pair"
    #: One template in one language of one WABA.
    TEMPLATE = "template"
    #: One category on one number.
    CATEGORY = "category"
    NUMBER = "number"
    WABA = "waba"
    PORTFOLIO = "portfolio"
    #: One access token. Every WABA has one of its own, so its reach is that WABA, never another.
    TOKEN = "token"


class Covers(StrEnum):
    """Which messages within the scope it concerns."""

    #: Replies in open service windows too.
    EVERYTHING = "everything"
    #: All that has a category: templates, and free-form messages sent outside a service window (Direct Send).
    BUSINESS_INITIATED = "business_initiated"
    MARKETING = "marketing"
    UTILITY = "utility"
    AUTHENTICATION = "authentication"
    #: What has a category but no template. Source: Meta, "Direct Send".
    DIRECT_SEND = "direct_send"

    def includes(self, case: Case) -> bool:
        """Whether this send is one of them."""
        match self:
            case Covers.EVERYTHING:
                return True
            case Covers.BUSINESS_INITIATED:
                return case.category is not None
            case Covers.DIRECT_SEND:
                return case.category is not None and case.template is None
            case _:
                return case.category is not None and case.category.value == self.value


class Action(StrEnum):
    """What is done."""

    #: No send until it is repaired, or Meta says that it is well again.
    STOP = "stop"
    #: No send for a while; it recovers by itself.
    HOLD = "hold"
    #: Fewer sends: a share of the pace.
    THROTTLE = "throttle"
    #: This user is not written to.
    SUPPRESS = "suppress"
    #: Utility templates are judged as marketing, since Meta now delivers and bills them so.
    RECLASSIFY = "reclassify"
    #: Management calls rest; sends go on.
    PAUSE_POLLING = "pause_polling"
    #: The user wants no such messages, until they say otherwise.
    OPT_OUT = "opt_out"
    #: The user wants them again.
    OPT_IN = "opt_in"
    #: The user's service window with this number is forgotten.
    CLOSE_WINDOW = "close_window"
    #: Nothing but telling the operator.
    ALERT = "alert"

    @property
    def lasts(self) -> bool:
        """Whether it is a state that ends some time (a breaker), and not done once it has been done."""
        return self in _LASTING

    @property
    def blocks(self) -> bool:
        """Whether no send passes while it lasts."""
        return self in _BLOCKING


_BLOCKING: Final = frozenset({Action.STOP, Action.HOLD, Action.SUPPRESS})
_LASTING: Final = _BLOCKING | {Action.THROTTLE, Action.RECLASSIFY, Action.PAUSE_POLLING}


@dataclass(frozen=True, slots=True)
class Subject:
    """What a signal or a send speaks of: as many of its ids as are known."""

    portfolio: str
    waba: str | None = None
    number: str | None = None
    template: tuple[str, str] | None = None
    """Name and language."""
    category: Category | None = None
    recipient: bytes | None = field(default=None, repr=False)
    """The 16 bytes that stand for the user."""

    def value(self, scope: Scope) -> str | None:
        """The id that names this subject within a scope; None when too little is known.

        A pair is `number:hash`, a template `waba:language:name` (a name may be anything), a category
        `number:category`, a token its WABA; a recipient is the hash in hex.
        """
        match scope:
            case Scope.PORTFOLIO:
                return self.portfolio
            case Scope.WABA | Scope.TOKEN:
                return self.waba
            case Scope.NUMBER:
                return self.number
            case Scope.RECIPIENT:
                return self.recipient.hex() if self.recipient is not None else None
            case Scope.PAIR:
                return f"{self.number}:{self.recipient.hex()}" if self.number and self.recipient else None
            case Scope.CATEGORY:
                return f"{self.number}:{self.category.value}" if self.number and self.category else None
            case Scope.TEMPLATE:
                return f"{self.waba}:{self.template[1]}:{self.template[0]}" if self.waba and self.template else None
            case _:
                assert_never(scope)


def subject_of(case: Case, recipient: bytes | None = None) -> Subject:
    """What a send speaks of; a case does not name the user, so `recipient` does."""
    return Subject(case.portfolio, case.waba, case.number, case.template, case.category, recipient)
