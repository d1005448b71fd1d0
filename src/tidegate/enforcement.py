"""Signals brought to bear: breakers swung, users stopped or welcome again, windows closed, operators told."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import structlog

from tidegate.clock import StoreClock
from tidegate.errors import StoreUnavailable
from tidegate.metrics import Metrics
from tidegate.policy.breaker import Breaker, Event, Kind, State, step, tells_nothing
from tidegate.policy.consequences.effect import Effect
from tidegate.policy.consequences.signal import Signal
from tidegate.policy.reach import Action, Scope, Subject
from tidegate.policy.rules import Rules
from tidegate.policy.users import User, after_effects
from tidegate.policy.verdict import Reason
from tidegate.store.counts import Count, Counts
from tidegate.store.ledger import Inbound, Ledger
from tidegate.store.standings import Standings, Swing
from tidegate.store.users import Users
from tidegate.tasks import spawn

#: Messages held for one of these may go when a breaker lets go.
ROUSED: Final = tuple(
    reason.value
    for reason in (
        Reason.NUMBER_STANDING,
        Reason.ACCOUNT_RESTRICTED,
        Reason.ACCOUNT_LOCKED,
        Reason.TEMPLATE_PAUSED,
        Reason.TEMPLATE_DISABLED,
        Reason.TEMPLATE_UNKNOWN,
        Reason.CAMPAIGN_HALTED,
        Reason.UPSTREAM_THROTTLED,
        Reason.BUDGET,
        Reason.PAUSED_BY_OPERATOR,
        Reason.MESSAGING_LIMIT,
        Reason.LIMIT_SHARE,
    )
)
#: Whoever loses this many races for one breaker in a row gives up.
_RACES: Final = 50
_ALERT_EVERY_MS: Final = 86_400_000
_ALERTS_REMEMBERED: Final = 10_000
_USERS: Final = frozenset({Scope.RECIPIENT, Scope.PAIR})

log = structlog.get_logger()


class Probes(NamedTuple):
    """The half-open breakers that a send is a probe of, by id: shared ones, and those of its recipient."""

    shared: tuple[str, ...] = ()
    of_user: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        return bool(self.shared or self.of_user)


NO_PROBES: Final = Probes()


class Enforcement:
    """Asks the rules in force what follows from signals, and does it on all nodes.

    Shared breakers change under the standing's epoch, those of one user in the user's record: either way `admit` takes
    nothing for a send that was decided before. Every method that is awaited raises StoreUnavailable.
    """

    def __init__(
        self,
        *,
        standings: Standings,
        users: Users,
        counts: Counts,
        ledger: Ledger,
        clock: StoreClock,
        metrics: Metrics,
        settle_ms: int,
    ) -> None:
        """`settle_ms`: after a change that tightens, how long sends that were admitted before it may still start."""
        self._standings = standings
        self._users = users
        self._counts = counts
        self._ledger = ledger
        self._clock = clock
        self._metrics = metrics
        self._settle_ms = settle_ms
        #: Called with portfolio and WABA when a webhook says that something is over: worth a read of Graph.
        self.on_relief: Callable[[str, str], None] = lambda portfolio, waba: None
        #: Called with the portfolio, and the reasons for which held messages may now go.
        self.on_change: Callable[[str, Sequence[str]], None] = lambda portfolio, reasons: None
        #: Called with the portfolio and what an operator is to be told of.
        self.on_alert: Callable[[str, Effect], None] = lambda portfolio, effect: None
        self._soon: set[asyncio.Task[None]] = set()
        #: When each alert was told last: what Graph says again at every read is told once a day.
        self._alerted: dict[tuple[str, str, str, str], int] = {}

    async def consider(self, signals: Sequence[Signal]) -> None:
        """Do what follows from signals; on return no send that they forbid can start, on any node."""
        if await self.apply(signals):
            await self.settled()

    async def settled(self) -> None:
        """Return when sends that were admitted before now have started, or never will."""
        await asyncio.sleep(self._settle_ms / 1000)

    def consider_soon(
        self, signals: Sequence[Signal], probes: Probes = NO_PROBES, passed: Subject | None = None
    ) -> None:
        """The same off the way of an answer. `passed`: what the send spoke of, where it went well as a probe."""

        task = spawn(self.heed(signals, probes, passed), "signals")
        self._soon.add(task)
        task.add_done_callback(self._soon.discard)

    async def heed(self, signals: Sequence[Signal], probes: Probes = NO_PROBES, passed: Subject | None = None) -> None:
        """Do what follows from the answer to a send, so that the next send knows of it. Never raises for the store."""
        try:
            await self.apply(signals, probes if passed is None else NO_PROBES)
            if passed is not None and probes.any:
                await self._probes_passed(passed, probes)
        except StoreUnavailable as error:
            # The next send that meets the same trouble says so again.
            log.warning("signals_not_applied", signals=[signal.name for signal in signals], fault=str(error))

    async def ended(self, timeout_s: float) -> None:
        """Return when what is to be considered soon has been, or after `timeout_s`."""
        if self._soon:
            await asyncio.wait(self._soon, timeout=timeout_s)

    async def apply(self, signals: Sequence[Signal], probes: Probes = NO_PROBES) -> bool:
        """Do what follows from signals; whether less may be sent than before.

        `probes`: half-open breakers that the send was a probe of, whose answer the signals are.
        """
        tightened = False
        by_portfolio: dict[str, list[Signal]] = defaultdict(list)
        for signal in signals:
            by_portfolio[signal.subject.portfolio].append(signal)
        for portfolio, of_one in by_portfolio.items():
            rules = (await self._standings.current(portfolio)).rules
            found = await asyncio.gather(*(self._effects(rules, signal) for signal in of_one))
            effects = [(effect, signal) for effects, signal in zip(found, of_one, strict=True) for effect in effects]
            tightened |= await self._bring_about(portfolio, effects)
            failed = self._failed(portfolio, rules, probes, effects, of_one)
            tightened |= await self._swing(portfolio, failed)
        return tightened

    def _failed(
        self,
        portfolio: str,
        rules: Rules,
        probes: Probes,
        effects: Sequence[tuple[Effect, Signal]],
        signals: Sequence[Signal],
    ) -> list[tuple[str, Event]]:
        """The probes that failed though their rule, for a closed breaker, takes more than one such answer."""
        tripped = {effect.breaker_id for effect, _ in effects}
        found: list[tuple[str, Event]] = []
        for id_ in set(probes.shared) - tripped:
            breaker = self._standings.known(portfolio).breakers.get(id_)
            for signal in signals:
                if breaker is not None and rules.consequences.fails(breaker, signal):
                    found.append((id_, Event(Kind.PROBE_FAILED, signal.at_ms, signal.name, own=True)))
        return found

    async def _probes_passed(self, subject: Subject, probes: Probes) -> None:
        event = Event(Kind.PROBE_OK, self._clock.now_ms(), "a probe went well")
        await self._swing(subject.portfolio, [(breaker, event) for breaker in probes.shared])
        recipient = subject.recipient
        if probes.of_user and recipient is not None:

            def passed(user: User) -> User:
                now_ms = self._clock.now_ms()
                for id_ in probes.of_user:
                    after = step(user.breakers.get(id_), event, now_ms)
                    user = user if after is None else user.with_breaker(after, now_ms)
                return user

            await self._users.update(subject.portfolio, recipient, passed)

    async def swing_by_hand(self, portfolio: str, breaker: str, event: Event) -> bool:
        """An operator opens or closes a breaker; whether there is such a one. Returns as `consider` does."""
        known = (await self._standings.current(portfolio)).breakers.get(breaker)
        if known is None:
            return False
        if await self._swing(portfolio, [(breaker, event)]):
            await self.settled()
        return True

    async def _effects(self, rules: Rules, signal: Signal) -> tuple[Effect, ...]:
        counters = rules.consequences.counters(signal)
        if not counters:
            return rules.consequences.of(signal)
        recipient = signal.subject.recipient.hex() if signal.subject.recipient else "-"
        counted = await asyncio.gather(
            *(
                self._counts.count(
                    Count(
                        signal.subject.portfolio,
                        counter.key,
                        counter.window_ms,
                        recipient,
                        signal.at_ms,
                        counter.resets,
                    )
                )
                for counter in counters
            )
        )
        return rules.consequences.of(signal, {c.key: n for c, n in zip(counters, counted, strict=True)})

    async def _bring_about(self, portfolio: str, effects: Iterable[tuple[Effect, Signal]]) -> bool:
        shared: list[tuple[str, Event]] = []
        of_users: dict[bytes, list[Effect]] = defaultdict(list)
        for effect, signal in effects:
            event = effect.event()
            if effect.action is Action.ALERT:
                self._alert(portfolio, effect)
            elif effect.action is Action.CLOSE_WINDOW and effect.mode == "enforce":
                await self._close_window(portfolio, effect, signal)
            elif effect.scope in _USERS and signal.subject.recipient is not None:
                of_users[signal.subject.recipient].append(effect)
            elif event is not None:
                shared.append((effect.breaker_id, event))
                if event.kind is Kind.WEBHOOK_RELAX and signal.subject.waba and self._is_open(portfolio, effect):
                    self.on_relief(portfolio, signal.subject.waba)
        stopped = [await self._change_user(portfolio, user, told) for user, told in of_users.items()]
        return await self._swing(portfolio, shared) | any(stopped)

    def _is_open(self, portfolio: str, effect: Effect) -> bool:
        breaker = self._standings.known(portfolio).breakers.get(effect.breaker_id)
        return breaker is not None and breaker.state is not State.CLOSED

    async def _swing(self, portfolio: str, events: Sequence[tuple[str, Event]]) -> bool:
        """Step shared breakers, each with its events in turn; whether less may be sent than before."""
        left, tightened, loosened = list(events), False, False
        for _ in range(_RACES):
            standing, now_ms = await self._standings.current(portfolio), self._clock.now_ms()
            after: dict[str, Breaker] = {}
            for breaker_id, event in left:
                before = after.get(breaker_id) or standing.breakers.get(breaker_id)
                stepped = step(before, event, now_ms)
                if stepped is not None and not tells_nothing(before, stepped):
                    after[breaker_id] = stepped
            if not after:
                break
            swings = [Swing(_state(standing.breakers.get(id_)), breaker) for id_, breaker in after.items()]
            written = await self._standings.swing(portfolio, swings)
            for swing, done in zip(swings, written, strict=True):
                if done:
                    self._tell(portfolio, swing)
                    tightened |= swing.after.state is not State.CLOSED
                    loosened |= swing.after.state is not State.OPEN and swing.before is not State.CLOSED
            lost = {swing.after.id for swing, done in zip(swings, written, strict=True) if not done}
            left = [(breaker_id, event) for breaker_id, event in left if breaker_id in lost]
        else:
            raise StoreUnavailable("a breaker changes faster than it can be written")
        if loosened:
            self.on_change(portfolio, ROUSED)
        return tightened

    async def _change_user(self, portfolio: str, recipient: bytes, effects: Sequence[Effect]) -> bool:
        """Write what follows for one user; whether less may be sent to them than before."""
        now_ms = self._clock.now_ms()
        _, before = await self._users.resolve(portfolio, recipient)
        if after_effects(before, effects, now_ms) == before:
            return False
        await self._users.update(portfolio, recipient, lambda user: after_effects(user, effects, now_ms))
        for effect in effects:
            log.info("user_standing_changed", portfolio=portfolio, rule=effect.rule, cause=effect.cause)
        return True

    async def _close_window(self, portfolio: str, effect: Effect, signal: Signal) -> None:
        recipient, number = signal.subject.recipient, signal.subject.number
        if recipient is not None and number is not None:
            await self._ledger.close_window(Inbound(portfolio, recipient, number, effect.at_ms))

    def _tell(self, portfolio: str, swing: Swing) -> None:
        after = swing.after
        if swing.before is not after.state and after.scope not in _USERS:
            log.warning(
                "breaker_changed",
                portfolio=portfolio,
                rule=after.rule,
                scope=after.scope.value,
                value=after.value,
                state=after.state.value,
                cause=after.cause,
                until_ms=after.until_ms,
            )
        self._metrics.breaker_changed(after.rule, after.state.value)

    def _alert(self, portfolio: str, effect: Effect) -> None:
        key, now_ms = (portfolio, effect.rule, effect.value, effect.cause), self._clock.now_ms()
        if now_ms - self._alerted.get(key, -_ALERT_EVERY_MS) < _ALERT_EVERY_MS:
            return
        if len(self._alerted) >= _ALERTS_REMEMBERED:
            self._alerted.clear()
        self._alerted[key] = now_ms
        shown = "" if effect.scope in _USERS else effect.value
        log.warning(
            "alert", portfolio=portfolio, rule=effect.rule, scope=effect.scope.value, value=shown, cause=effect.cause
        )
        self._metrics.alerted(effect.rule)
        self.on_alert(portfolio, effect)


def _state(breaker: Breaker | None) -> State | None:
    return None if breaker is None else breaker.state
