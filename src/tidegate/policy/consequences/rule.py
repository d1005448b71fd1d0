"""One rule, as an operator writes it: these signals have this consequence, for whom, for how long."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic import model_validator as validator

from tidegate.policy.consequences.rate import Pace, Threshold
from tidegate.policy.consequences.vocabulary import is_name, nearest
from tidegate.policy.duration import Duration, read_duration, write_duration
from tidegate.policy.reach import Action, Covers, Scope
from tidegate.policy.verdict import Reason


class End(StrEnum):
    """An end that is not a time from now."""

    #: The time that Meta named in the signal; where it named none `otherwise`, and without that as with `proof`.
    EXPIRATION = "expiration"
    #: When it is proven to be over, or an operator closes it.
    PROOF = "proof"


def _known(written: str) -> str:
    if is_name(written):
        return written
    meant = nearest(written)
    raise ValueError(f"no such signal (nearest: {meant})" if meant else "no such signal")


def _read_end(written: Any) -> int | End:
    if isinstance(written, str) and written in tuple(End):
        return End(written)
    try:
        return read_duration(written)
    except ValueError as fault:
        raise ValueError(f'{fault}; or "expiration" or "proof"') from None


def _write_end(end: int | End) -> str:
    return end.value if isinstance(end, End) else write_duration(end)


SignalName = Annotated[str, AfterValidator(_known)]
Ending = Annotated[
    int | End,
    BeforeValidator(_read_end),
    PlainSerializer(_write_end, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["1h", "expiration", "proof"]}),
]


class ConsequenceRule(BaseModel):
    """A `[[rules.consequence]]` table.

    Meta's own end in a signal counts beside `for`: whichever is later. What is over by time becomes half open where
    there is a `trickle`, and closes where there is none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: str = Field(pattern="^[a-z][a-z0-9_]{0,63}$")
    mode: Literal["enforce", "shadow", "off"] = "enforce"
    #: Names of signals, or patterns of names with `*` and `?`.
    on: tuple[SignalName, ...] = Field(min_length=1)
    scope: Scope
    covers: Covers = Covers.BUSINESS_INITIATED
    action: Action
    reason: Reason | None = None
    #: Of a throttle: the share of the pace that is left.
    share: float | None = Field(default=None, gt=0, lt=1, allow_inf_nan=False)
    #: Of a throttle, in place of `for`: each signal cuts the pace to `share` of what it is, and in this time it would
    #: grow back from nothing to all.
    recover_ms: Annotated[Duration, Field(gt=0)] | None = Field(default=None, alias="recover")
    lasts: Ending | None = Field(default=None, alias="for")
    #: With `for = "expiration"`: how long where Meta named no end.
    otherwise_ms: Duration | None = Field(default=None, alias="otherwise")
    #: How often it has to happen, within the scope, before it has this consequence; None: once.
    after: Threshold | None = None
    #: While half open: how many sends in the scope try whether it is over.
    trickle: Pace | None = None
    #: How many of them in a row have to go well.
    probes: int = Field(default=1, strict=True, ge=1, le=1_000)
    #: Each one that fails holds this many times as long as before, up to `longest`.
    factor: int = Field(default=1, strict=True, ge=1, le=10)
    longest_ms: Duration | None = Field(default=None, alias="longest")
    #: Signals that say that it is over: read from Graph they close it, by webhook they only make it half open.
    #: They also begin a count of so many in a row anew.
    proof: tuple[SignalName, ...] = ()

    @validator(mode="after")
    def _makes_sense(self) -> Self:
        for fault in _faults(self):
            raise ValueError(fault)
        return self

    @property
    def for_ms(self) -> int | None:
        """How long one signal holds; None where an expiration or a proof ends it."""
        return None if self.lasts is None or isinstance(self.lasts, End) else self.lasts

    def written(self) -> dict[str, Any]:
        """The rule as JSON values under its public keys."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


_CONSENT: Final = frozenset({Action.OPT_OUT, Action.OPT_IN})


def _faults(rule: ConsequenceRule) -> Iterator[str]:
    """What does not go together; the first is told."""
    action = rule.action
    if action.lasts and rule.lasts is None and rule.recover_ms is None:
        yield f"{action.value} lasts: it needs for"
    given = (rule.lasts, rule.otherwise_ms, rule.recover_ms, rule.trickle, rule.longest_ms, rule.share)
    if not action.lasts and any(value is not None for value in given):
        yield f"{action.value} is done once: for, otherwise, trickle, longest, share and recover mean nothing"
    if rule.otherwise_ms is not None and rule.lasts is not End.EXPIRATION:
        yield "otherwise is for an expiration that Meta did not name"
    if action.blocks and rule.reason is None:
        yield f"{action.value} needs the reason that callers are told"
    yield from _throttle_faults(rule)
    yield from _trickle_faults(rule)
    yield from _scope_faults(rule)


def _throttle_faults(rule: ConsequenceRule) -> Iterator[str]:
    is_throttle = rule.action is Action.THROTTLE
    if is_throttle != (rule.share is not None):
        yield "a throttle needs its share, and nothing else has one"
    if is_throttle and rule.scope in (Scope.RECIPIENT, Scope.PAIR):
        yield "a throttle is of many users: one user is written to or not"
    if rule.recover_ms is not None and (not is_throttle or rule.lasts is not None):
        yield "recover is a throttle's, in place of for"


def _trickle_faults(rule: ConsequenceRule) -> Iterator[str]:
    if rule.action is Action.HOLD and rule.for_ms is None:
        yield "a hold ends by itself: its for is a duration (what has to be repaired is a stop)"
    if rule.trickle is not None and not rule.action.blocks:
        yield "only what stops sends is tried again with a trickle"
    if rule.trickle is None and (rule.factor > 1 or rule.probes > 1):
        yield "factor and probes are about the sends of a trickle"
    if (rule.longest_ms is None) != (rule.factor == 1):
        yield "factor and longest go together"
    if rule.longest_ms is not None and rule.longest_ms < (rule.for_ms or 0):
        yield "longest is shorter than for"


def _scope_faults(rule: ConsequenceRule) -> Iterator[str]:
    if rule.action in _CONSENT and rule.scope is not Scope.RECIPIENT:
        yield "an opt-out or opt-in is a recipient's"
    if rule.action is Action.CLOSE_WINDOW and rule.scope is not Scope.PAIR:
        yield "a service window is a pair's"
    if rule.action is Action.SUPPRESS and rule.scope not in (Scope.RECIPIENT, Scope.PAIR):
        yield "only users are suppressed"
    if rule.action is Action.RECLASSIFY and rule.covers is not Covers.UTILITY:
        yield "reclassifying makes marketing of utility: covers has to be utility"
    if rule.after is not None and rule.after.window_ms is None and not rule.proof:
        yield "a count in a row needs the proof that begins it anew"
