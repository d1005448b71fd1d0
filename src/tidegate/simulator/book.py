"""The book of a world: every send Meta accepted, and every rule that the sender broke."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class ViolationKind(StrEnum):
    """A rule that a careful sender never breaks, whether or not Meta refuses the send that breaks it."""

    #: A user was started outside a window while the committed users already filled the limit.
    OVER_LIMIT = "over_limit"
    #: A user was delivered to outside a window while the delivered users already filled the limit. It may
    #: follow from lowering a limit, so it is a hint where `over_limit` is a verdict.
    DELIVERED_OVER_LIMIT = "delivered_over_limit"
    #: Two sends with the same `biz_opaque_callback_data` were accepted.
    DUPLICATE = "duplicate"
    #: A free-form send outside a customer service window.
    WINDOW_CLOSED = "window_closed"
    #: More sends of one number within a second than its throughput.
    THROUGHPUT = "throughput"
    #: A send to a user to whom the number still owes a pause.
    PAIR = "pair"
    #: A send of a paused or disabled template.
    PAUSED_TEMPLATE = "paused_template"
    #: A marketing template to a user who had stopped the marketing of its account, by a tap or by writing STOP.
    OPTED_OUT = "opted_out"


class PenaltyKind(StrEnum):
    """Something that Meta did to a sender for how his messages were taken."""

    TEMPLATE_PAUSED = "template_paused"
    TEMPLATE_DISABLED = "template_disabled"
    WARNING = "warning"
    FLAGGED = "flagged"
    TIER_LOST = "tier_lost"
    #: Code 131048 for what the business initiates.
    SPAM_HOLD = "spam_hold"
    TEMPLATES_BARRED = "templates_barred"
    ALL_BARRED = "all_barred"

    @property
    def restricts(self) -> bool:
        """Say whether it takes sending away from a whole number, not from a template."""
        return self in {PenaltyKind.SPAM_HOLD, PenaltyKind.TEMPLATES_BARRED, PenaltyKind.ALL_BARRED}


@dataclass(frozen=True, slots=True)
class Penalty:
    """One penalty: `subject` is the id of the number or account, or the template's name; None: no end known."""

    kind: PenaltyKind
    at_ms: int
    subject: str
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A send that Meta answered with a wamid, as it was at that moment.

    `category` is the template's in lower case, or `service` for a free-form message; `inside_window` whether
    a customer service window was open; `counts` whether its delivery counts to the messaging limit; `harmful`
    whether its user blocks or reports whoever sends him this.
    """

    at_ms: int
    user: str = field(repr=False)
    number_id: str
    category: str
    inside_window: bool
    counts: bool
    opaque: str | None
    wamid: str
    template: str | None = None
    harmful: bool = False


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule with what proves it; `evidence` depends on the kind."""

    kind: ViolationKind
    at_ms: int
    portfolio_id: str
    number_id: str
    user: str = field(repr=False)
    opaque: str | None
    evidence: Mapping[str, int | str]


class Book:
    """Keeps what happened; judges nothing but duplicates."""

    def __init__(self) -> None:
        self.accepted: list[Accepted] = []
        self.violations: list[Violation] = []
        self.penalties: list[Penalty] = []
        self.harmful = 0
        self.refused: Counter[int] = Counter()
        self.fates: Counter[str] = Counter()
        self._first_by_opaque: dict[str, int] = {}

    def enter(self, send: Accepted, portfolio_id: str) -> None:
        """Enter an accepted send; the second one of the same opaque data is a violation."""
        index = len(self.accepted)
        self.accepted.append(send)
        self.harmful += send.harmful
        if send.opaque is None:
            return
        first = self.accepted[self._first_by_opaque.setdefault(send.opaque, index)]
        if first is not send:
            self.note(
                Violation(
                    ViolationKind.DUPLICATE,
                    send.at_ms,
                    portfolio_id,
                    send.number_id,
                    send.user,
                    send.opaque,
                    {"wamid": send.wamid, "first_wamid": first.wamid, "first_at_ms": first.at_ms},
                )
            )

    def note(self, violation: Violation) -> None:
        """Enter a violation."""
        self.violations.append(violation)

    def punish(self, penalty: Penalty) -> None:
        """Enter what Meta did to the sender."""
        self.penalties.append(penalty)

    @property
    def restricted(self) -> bool:
        """Whether sending was ever taken away from a whole number."""
        return any(penalty.kind.restricts for penalty in self.penalties)

    def of(self, kind: ViolationKind) -> list[Violation]:
        """Give the violations of one kind in the order of time."""
        return [violation for violation in self.violations if violation.kind == kind]

    def report(self, most: int = 1_000) -> dict[str, Any]:
        """Build the report as JSON: counts of everything, the first `most` penalties and violations in full."""
        counts = Counter(str(violation.kind) for violation in self.violations)
        return {
            "accepted": len(self.accepted),
            "refused": {str(code): count for code, count in sorted(self.refused.items())},
            "fates": dict(sorted(self.fates.items())),
            "harmful": self.harmful,
            "restricted": self.restricted,
            "penalties": [asdict(penalty) for penalty in self.penalties[:most]],
            "violations": {str(kind): counts[kind] for kind in ViolationKind},
            "evidence": [asdict(violation) for violation in self.violations[:most]],
        }
