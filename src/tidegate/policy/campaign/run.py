"""How far a campaign is: the part of its record that changes while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tidegate.policy.campaign.phase import Event, Phase, after

WAIVED: Final = "waived"
"""The outcome of a step's gate that has halted the campaign, and that somebody has overruled."""


@dataclass(frozen=True, slots=True)
class Run:
    """A campaign's phase, its step (an index), and how much of the step was fed.

    `cursor`: of each variant, how many of the step's rows were fed; () stands for none. `ahead`: where, beyond that,
    those who are awake are looked for next while those whose turn it is sleep; () stands for none too. Times are the
    store's, in ms, 0 for what has not happened: `since_ms` when the phase began, `started_ms` when it first ran,
    `step_began_ms` when the step's first row was fed, `gone_ms` when the last one had left the queue, `resumed_ms` when
    it was let go on last. `reason` and `by` tell of a stop by hand, `evidence` of one by a gate. `verdicts`: by the
    step's index (as text), what its gate said.
    """

    phase: Phase = Phase.DRAFT
    step: int = 0
    cursor: tuple[int, ...] = ()
    ahead: tuple[int, ...] = ()
    since_ms: int = 0
    started_ms: int = 0
    step_began_ms: int = 0
    gone_ms: int = 0
    resumed_ms: int = 0
    reason: str = ""
    by: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    verdicts: Mapping[str, Any] = field(default_factory=dict)

    def moved(self, event: Event, now_ms: int, **values: Any) -> Run | None:
        """It after an event at `now_ms`, with these values; None where that can't happen.

        A stop's words (`reason`, `by`, `evidence`) go with the phase that it led to; a cancellation's stay.
        """
        phase = after(self.phase, event)
        if phase is None or phase is self.phase:
            return None if phase is None else self
        told: dict[str, Any] = {} if event is Event.SWEPT else {"reason": "", "by": "", "evidence": {}}
        if event is Event.RESUME:
            told["resumed_ms"] = now_ms
            if self.phase is Phase.HALTED:
                # Whoever goes on in spite of a gate has taken over from it: it would say the same again.
                waived = {"outcome": WAIVED, "by": values.get("by", "")}
                told["verdicts"] = {**self.verdicts, str(self.step): waived}
        return replace(self, **(told | values), phase=phase, since_ms=now_ms)

    @property
    def is_waived(self) -> bool:
        """Whether its step's gate is asked no more."""
        return bool(self.verdicts.get(str(self.step), {}).get("outcome") == WAIVED)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Run:
        """What `to_json` made. Raises ValueError where another release wrote what this one can't read."""
        values = {name: stored[key] for key, name in _NAMES.items() if key in stored}
        phase = Phase(values.pop("phase", Phase.DRAFT))
        cursor, ahead = (tuple(int(at) for at in values.pop(name, ())) for name in ("cursor", "ahead"))
        return cls(phase=phase, cursor=cursor, ahead=ahead, **values)

    def to_json(self) -> dict[str, Any]:
        """It as JSON values: only what is not as it is at first, and the phase."""
        first = Run()
        told = {key: getattr(self, name) for key, name in _NAMES.items() if getattr(self, name) != getattr(first, name)}
        for name in ("cursor", "ahead"):
            if name in told:
                told[name] = list(told[name])
        return told | {"state": self.phase.value}


#: What the record calls each field.
_NAMES: Final = {
    "state": "phase",
    "step": "step",
    "cursor": "cursor",
    "ahead": "ahead",
    "since_ms": "since_ms",
    "started_ms": "started_ms",
    "step_began_ms": "step_began_ms",
    "gone_ms": "gone_ms",
    "resumed_ms": "resumed_ms",
    "reason": "reason",
    "by": "by",
    "evidence": "evidence",
    "verdicts": "verdicts",
}
