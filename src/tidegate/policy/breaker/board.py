"""The breakers of a portfolio that concern many users, found by what a send belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from tidegate.policy.breaker.judgement import covers
from tidegate.policy.breaker.record import Breaker, State
from tidegate.policy.facts import Case
from tidegate.policy.reach import Scope, subject_of

#: Scopes that concern many users; breakers of one user, or of a pair, are in the user's record.
SHARED: Final = frozenset(Scope) - {Scope.RECIPIENT, Scope.PAIR}


class Board:
    """Immutable; by id, and by scope and value. Closed ones are kept for what they remember."""

    __slots__ = ("_by_id", "_not_closed", "are_closed")

    def __init__(self, breakers: Iterable[Breaker] = ()) -> None:
        self._by_id = {breaker.id: breaker for breaker in breakers}
        self._not_closed: dict[tuple[Scope, str], tuple[Breaker, ...]] = {}
        for breaker in self._by_id.values():
            # Time opens no breaker, so that one whose record is closed need not be looked at.
            if breaker.state is not State.CLOSED:
                key = breaker.scope, breaker.value
                self._not_closed[key] = (*self._not_closed.get(key, ()), breaker)
        #: Whether all were closed when they were last written.
        self.are_closed: Final = not self._not_closed

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Breaker]:
        return iter(self._by_id.values())

    def get(self, breaker_id: str) -> Breaker | None:
        """The breaker of this id, closed ones too."""
        return self._by_id.get(breaker_id)

    def covering(self, case: Case, *scopes: Scope) -> Iterator[Breaker]:
        """The breakers of these scopes that cover a send and were not closed when they were last written."""
        if not self._not_closed:
            return
        subject = subject_of(case)
        for scope in scopes:
            value = subject.value(scope)
            if value is not None:
                for breaker in self._not_closed.get((scope, value), ()):
                    if covers(breaker, case):
                        yield breaker
