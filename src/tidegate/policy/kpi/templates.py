"""What the history of a standing tells of templates: how long approvals took, and which way their quality went.

Source of the words: Meta, webhooks `message_template_status_update` and `message_template_quality_update`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from tidegate.cloudapi.vocabulary import Quality, TemplateStatus
from tidegate.policy.kpi.times import LAST_CLASS, Times, begins_ms

_WAITS: Final = frozenset({TemplateStatus.PENDING.value, TemplateStatus.IN_APPEAL.value})
_DECIDED: Final = frozenset({TemplateStatus.APPROVED.value, TemplateStatus.REJECTED.value})
_RANK: Final = {Quality.RED.value: 0, Quality.YELLOW.value: 1, Quality.GREEN.value: 2}


class Turn(NamedTuple):
    """One field of a template's standing that changed, `since_ms` by its source; `key` is `waba:language:name`."""

    key: str
    field: str
    since_ms: int
    source: str
    before: Any
    after: Any


class Decision(NamedTuple):
    """Meta's decision on a template; `lead_ms`: since it was first known to wait for one, None where it was not."""

    key: str
    at_ms: int
    approved: bool
    lead_ms: int | None


class Drift(NamedTuple):
    """A template's quality went up or down."""

    key: str
    at_ms: int
    better: bool


@dataclass(frozen=True, slots=True)
class Trend:
    """What happened to templates in a span."""

    decisions: tuple[Decision, ...] = ()
    drifts: tuple[Drift, ...] = ()

    @property
    def approved(self) -> int:
        return sum(decision.approved for decision in self.decisions)

    @property
    def rejected(self) -> int:
        return len(self.decisions) - self.approved

    @property
    def better(self) -> int:
        return sum(drift.better for drift in self.drifts)

    @property
    def worse(self) -> int:
        return len(self.drifts) - self.better

    @property
    def lead(self) -> Times:
        """How long approvals took; of rejections nothing is told."""
        leads = [one.lead_ms for one in self.decisions if one.approved and one.lead_ms is not None]
        classes: dict[int, int] = {}
        for lead_ms in leads:
            number = max(number for number in range(LAST_CLASS + 1) if begins_ms(number) <= lead_ms)
            classes[number] = classes.get(number, 0) + 1
        return Times(classes, sum(leads))


def trend_of(turns: Iterable[Turn]) -> Trend:
    """Read turns, the oldest first. A state that is only read at last, when nothing was known, is no decision; one that
    a webhook tells is.
    """
    waiting: dict[str, int] = {}
    decisions: list[Decision] = []
    drifts: list[Drift] = []
    for turn in turns:
        if turn.field == "quality" and turn.before in _RANK and turn.after in _RANK:
            drifts.append(Drift(turn.key, turn.since_ms, _RANK[turn.after] > _RANK[turn.before]))
        if turn.field != "status":
            continue
        if turn.after in _WAITS:
            waiting.setdefault(turn.key, turn.since_ms)
            continue
        since_ms = waiting.pop(turn.key, None)
        is_news = since_ms is not None or (turn.before is None and turn.source == "webhook")
        if turn.after in _DECIDED and is_news:
            lead_ms = None if since_ms is None else max(0, turn.since_ms - since_ms)
            decisions.append(Decision(turn.key, turn.since_ms, turn.after == TemplateStatus.APPROVED, lead_ms))
    return Trend(tuple(decisions), tuple(drifts))
