"""The default rules and the operator's together, and what they say of a signal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator

from tidegate.policy.breaker import Breaker
from tidegate.policy.consequences.defaults import DEFAULTS
from tidegate.policy.consequences.effect import Effect, ending, trip
from tidegate.policy.consequences.rule import ConsequenceRule
from tidegate.policy.consequences.signal import Signal
from tidegate.policy.consequences.vocabulary import fits
from tidegate.policy.reach import Scope


def _complete(written: Any) -> Any:
    """A table with a default rule's id says what is different; the rest is as it is by default."""
    if not isinstance(written, list | tuple):
        return written
    return [_completed(entry) if isinstance(entry, Mapping) else entry for entry in written]


def _completed(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    known = entry.get("id")
    default = DEFAULTS.get(known) if isinstance(known, str) else None
    return entry if default is None else {**default.written(), **entry}


def stated(rule: ConsequenceRule) -> dict[str, Any]:
    """The table that an operator has to write for this rule; `ConsequenceRules` reads it back as the same rule.

    Of a rule with a default's id only what is different; None takes away what the default has.
    """
    default = DEFAULTS.get(rule.id)
    if default is None:
        return rule.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    was, now = default.written(), rule.written()
    changed = {key: value for key, value in now.items() if key == "id" or was.get(key) != value}
    return changed | {key: None for key in was if key not in now}


def _each_once(rules: tuple[ConsequenceRule, ...]) -> tuple[ConsequenceRule, ...]:
    ids = [rule.id for rule in rules]
    for twice in ids:
        if ids.count(twice) > 1:
            raise ValueError(f'the id "{twice}" is used twice')
    return rules


ConsequenceRules = Annotated[tuple[ConsequenceRule, ...], BeforeValidator(_complete), AfterValidator(_each_once)]
"""Field type of `[[rules.consequence]]`: the operator's rules.

A table whose id is a default rule's changes that rule: keys that it does not name stay as they are. Any other id is a
rule of its own. `mode = "off"` takes a rule out.
"""


@dataclass(frozen=True, slots=True)
class Counter:
    """How often something happened in a rule's scope, to be kept for it.

    `resets`: to be set to nothing; else to be raised by one, and read back, before `Consequences.of` is asked.
    """

    key: str
    window_ms: int | None
    """Only what happened in this span counts; None: all since the last reset."""
    resets: bool = False


@dataclass(frozen=True, slots=True)
class Easing:
    """What a signal that trips nothing may do at most."""

    rules: frozenset[str]
    """The rules whose breakers it may end or ease."""
    counts: tuple[str, ...]
    """What the keys of users' counters that it resets begin with: the recipient's hash follows."""


NO_COUNTS: Final[Mapping[str, int]] = MappingProxyType({})


class Consequences:
    """What follows from signals, by the rules in force."""

    __slots__ = ("_by_name", "_easings", "_rules")

    def __init__(self, rules: Sequence[ConsequenceRule] = ()) -> None:
        """`rules`: the operator's; each replaces the default of its id, or stands beside the defaults."""
        self._rules = {**DEFAULTS, **{rule.id: rule for rule in rules}}
        self._by_name: dict[str, tuple[ConsequenceRule, ...]] = {}
        self._easings: dict[str, Easing | None] = {}

    @property
    def rules(self) -> tuple[ConsequenceRule, ...]:
        """All rules, those that are off as well."""
        return tuple(self._rules.values())

    def mode(self, breaker: Breaker) -> str:
        """`enforce`, `shadow` or `off`: the mode of the breaker's rule, as it is now.

        What was opened by hand is enforced whatever the rule says, and so is a breaker whose rule is not known here: it
        may be one of a newer version's.
        """
        known = self._rules.get(breaker.rule)
        return "enforce" if breaker.by_hand or known is None else known.mode

    def of(self, signal: Signal, counts: Mapping[str, int] = NO_COUNTS) -> tuple[Effect, ...]:
        """What a signal leads to: trips, endings, and what is done once.

        `counts`: what the counters of this signal stand at, by key; a counter that is not there stands at none. A rule
        in shadow has effects too, so that it can be told what it would have stopped; one that is off has none.
        """
        effects: list[Effect] = []
        for rule in self._speaking_of(signal.name):
            if _names(rule.proof, signal.name) and (ended := ending(rule, signal)) is not None:
                effects.append(ended)
            if _names(rule.on, signal.name) and _often_enough(rule, signal, counts):
                effects.append(trip(rule, signal))
        return tuple(effects)

    def fails(self, breaker: Breaker, signal: Signal) -> bool:
        """Whether a send that was a probe of this breaker has failed by what it led to (PROBE_FAILED).

        One failed probe is enough, however often the rule's signal has to come to open a closed breaker.
        """
        rule = self._rules.get(breaker.rule)
        return rule is not None and _names(rule.on, signal.name) and signal.subject.value(rule.scope) == breaker.value

    def counters(self, signal: Signal) -> tuple[Counter, ...]:
        """What has to be counted before `of` can answer; for most signals nothing."""
        counters: list[Counter] = []
        for rule in self._speaking_of(signal.name):
            key = _counter_key(rule, signal)
            if rule.after is None or key is None:
                continue
            if _names(rule.on, signal.name):
                counters.append(Counter(key, rule.after.window_ms))
            elif rule.after.window_ms is None:
                counters.append(Counter(key, None, resets=True))
        return tuple(counters)

    def easing(self, name: str) -> Easing | None:
        """What signals of this name may do, where none of them trips anything or resets counters but of users.

        None: they may do more, so that each has to be looked at.
        """
        if name not in self._easings:
            self._easings[name] = self._easing(name)
        return self._easings[name]

    def _easing(self, name: str) -> Easing | None:
        rules = self._speaking_of(name)
        counted = [rule for rule in rules if rule.after is not None and rule.after.window_ms is None]
        if any(_names(rule.on, name) for rule in rules) or any(rule.scope is not Scope.RECIPIENT for rule in counted):
            return None
        return Easing(frozenset(rule.id for rule in rules), tuple(_counter_prefix(rule) for rule in counted))

    def _speaking_of(self, name: str) -> tuple[ConsequenceRule, ...]:
        found = self._by_name.get(name)
        if found is None:
            rules = (rule for rule in self._rules.values() if rule.mode != "off")
            found = tuple(rule for rule in rules if _names((*rule.on, *rule.proof), name))
            # Of the names only those of unlisted codes are without end, and these are rare.
            if not name.startswith("error.unlisted."):
                self._by_name[name] = found
        return found


def _names(patterns: Iterable[str], name: str) -> bool:
    return any(fits(name, pattern) for pattern in patterns)


def _counter_key(rule: ConsequenceRule, signal: Signal) -> str | None:
    value = signal.subject.value(rule.scope)
    return None if value is None else f"{_counter_prefix(rule)}{value}"


def _counter_prefix(rule: ConsequenceRule) -> str:
    return f"{rule.id}/{rule.scope.value}/"


def _often_enough(rule: ConsequenceRule, signal: Signal, counts: Mapping[str, int]) -> bool:
    key = _counter_key(rule, signal)
    # What cannot be counted cannot be too little either: `trip` tells that it has no place.
    return rule.after is None or key is None or counts.get(key, 0) >= rule.after.count
