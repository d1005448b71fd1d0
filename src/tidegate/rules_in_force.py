"""The rules in force: the same on every node and for every portfolio; replaced whole, and the last word wins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from tidegate.clock import StoreClock
from tidegate.errors import StoreUnavailable
from tidegate.policy.audit import Act, Actor, Deed
from tidegate.policy.rules import Rules
from tidegate.policy.verdict import Reason
from tidegate.store.audit import Audit
from tidegate.store.ledger import Ledger
from tidegate.store.rules_record import RulesRecord, rules_change
from tidegate.store.standings import Standings

#: The standing changes a few times a second at the worst; so often in a row it does not get in between.
_TRIES: Final = 50
#: Why a message is held that other rules may let go: not a time that its sender gave, and not a no of Meta's own.
_HELD_BY_RULES: Final = tuple(
    reason
    for reason in Reason
    if reason not in (Reason.SCHEDULED, Reason.UPSTREAM_THROTTLED, Reason.UPSTREAM_UNAVAILABLE, Reason.OUTCOME_UNKNOWN)
)

log = structlog.get_logger()


class RulesInForce:
    """Replaces the rules. What it returned from is in force on every node. Its methods raise StoreUnavailable.

    The rules are part of each portfolio's standing. Who speaks last decides: an operator over HTTP, a node that was
    told to read its file anew, or one that starts with other rules in its file than those that were noted with the
    rules in force. A start with the same file leaves the rules as they are.
    """

    def __init__(
        self,
        *,
        standings: Standings,
        ledger: Ledger,
        audit: Audit,
        clock: StoreClock,
        configured: Rules,
        settle_ms: int,
        rouse: Callable[[str, Sequence[str]], None],
    ) -> None:
        """`configured`: the file's. `settle_ms`: how long sends admitted before a change may still start.

        `rouse`: called with a portfolio and the reasons for which held messages may go now.
        """
        self._standings = standings
        self._ledger = ledger
        self._audit = audit
        self._clock = clock
        self._file = configured.version
        self._configured = configured
        self._settle_ms = settle_ms
        self._rouse = rouse
        # The same one on every node, in whatever order their files name them.
        self._arbiter, *self._others = sorted(standings.portfolios)

    async def begin(self) -> None:
        """At the start of a node: put the file's rules in force, unless those in force were written under the same."""
        records = {portfolio: await self._record(portfolio) for portfolio in self._standings.portfolios}
        latest = max(filter(None, records.values()), key=lambda record: record.since_ms, default=None)
        if latest is None or latest.file != self._file:
            await self._put(self._configured, Actor("the file of a node at its start"), None)
        elif latest.rules is not None:
            # A portfolio that is new in the file, or was not reached when the others were.
            change = rules_change(latest.rules, latest.file, latest.since_ms, "the rules of the other portfolios")
            for portfolio in (name for name, record in records.items() if record != latest):
                await self._standings.change(portfolio, [change])

    async def reread(self, configured: Rules, by: str) -> None:
        """Put the file's rules in force, as they are now."""
        self._file = configured.version
        await self.replace(configured, Actor(by))

    async def replace(self, rules: Rules, by: Actor, instead_of: frozenset[str] | None = None) -> bool:
        """Put rules in force; on return no send can start that only the old ones allowed, on any node.

        `by`: who wants it, for the history and the audit. `instead_of`: the versions that may be replaced, None for
        any; False when the rules in force are of none of these, and are others than the wanted ones.
        """
        if not await self._put(rules, by, instead_of):
            return False
        # Sends admitted under the old rules start within this span, or not at all; also after an earlier call that
        # wrote the same rules, and whose caller got no answer.
        await asyncio.sleep(self._settle_ms / 1000)
        for portfolio in self._standings.portfolios:
            self._rouse(portfolio, _HELD_BY_RULES)
        return True

    async def _record(self, portfolio: str) -> RulesRecord | None:
        await self._standings.current(portfolio)
        return self._standings.rules_record(portfolio)

    async def _put(self, rules: Rules, by: Actor, instead_of: frozenset[str] | None) -> bool:
        at_ms = await self._put_first(rules, by, instead_of)
        if at_ms is None:
            return False
        change = rules_change(rules, self._file, at_ms, _cause(by))
        for portfolio in self._others:
            # An older time than what stands there: somebody spoke since, and was heard in the first portfolio too.
            await self._standings.change(portfolio, [change])
        return True

    async def _write_down(self, before: str, rules: Rules, by: Actor) -> None:
        detail = {"from": before, "to": rules.version}
        for portfolio in (self._arbiter, *self._others):
            await self._audit.write(portfolio, Deed(Act.RULES_REPLACE, by, {"portfolio": portfolio}, detail=detail))

    async def _put_first(self, rules: Rules, by: Actor, instead_of: frozenset[str] | None) -> int | None:
        """Write the rules into the portfolio that decides who came first; the time of that, or None: another version.

        Nobody can write in between, and each time is later than the one before: the other portfolios take the latest,
        in whatever order they are told.
        """
        audited = False
        for _ in range(_TRIES):
            books = await self._ledger.books(self._arbiter, curve=False)
            self._clock.observe(books.now_ms)
            standing = await self._standings.reload(self._arbiter, books.epoch)
            record = self._standings.rules_record(self._arbiter)
            before = standing.rules.version
            if record is not None and record.rules is not None and (before, record.file) == (rules.version, self._file):
                return record.since_ms
            if instead_of is not None and before not in instead_of and before != rules.version:
                return None
            if not audited:
                await self._write_down(before, rules, by)
                audited = True
            at_ms = max(books.now_ms, record.since_ms + 1 if record is not None else 0)
            change = rules_change(rules, self._file, at_ms, _cause(by))
            if await self._standings.change_under(self._arbiter, standing.epoch, [change]):
                log.info("rules_replaced", by=by.name, before=before, version=rules.version)
                return at_ms
        raise StoreUnavailable("the standing changes too often for its rules to be replaced")


def _cause(by: Actor) -> str:
    return f"rules replaced by {by.name}"
