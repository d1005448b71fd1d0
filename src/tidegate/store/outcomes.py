"""What became of sends, counted by scope: written as it happens."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple

from tidegate.cloudapi.vocabulary import MessageStatus
from tidegate.policy.warning_counts import KEEP_MS
from tidegate.policy.warning_metric import COUNTS_WITHIN_MS, HOUR_MS, Counter, counters_of_error
from tidegate.store import message_record
from tidegate.store.batch import Shards
from tidegate.store.faults import store_faults
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient, script
from tidegate.store.statuses import REMEMBER_MS

REACH_MS: Final = COUNTS_WITHIN_MS[Counter.OPTED_OUT]
"""An opt-out is put down to the last send that its user got in this span."""

#: As far as Meta's clock may be behind the store's, where the times of both are compared.
_CLOCKS_APART_MS: Final = 10_000
#: A status proves what came before it: an acceptance, a delivery that was never told.
_HEARD: Final = {
    MessageStatus.SENT: (Counter.SENT,),
    MessageStatus.DELIVERED: (Counter.SENT, Counter.DELIVERED),
    MessageStatus.READ: (Counter.SENT, Counter.DELIVERED, Counter.READ),
    MessageStatus.PLAYED: (Counter.SENT, Counter.DELIVERED, Counter.READ),
}


REPORTS_MS: Final = 7 * 24 * HOUR_MS
"""How long after its send an app may report something of it."""
WAITS_MS: Final = REMEMBER_MS
"""How long it is known that a user waits for an answer, and when they were last written to: longer than Meta repeats a
webhook (7 days)."""
MOST_REPORTS: Final = 20
"""Different things that are counted of one send."""
HANDLING: Final = "handling"
#: Reports that one call of the store takes: it does nothing else meanwhile.
_REPORTS_AT_ONCE: Final = 100


class Report(NamedTuple):
    """What an app says of a message: a rate of gates (`conversion`, `csat`, `journey:paid`) in thousandths,
    or how long it took to handle what was asked (HANDLING) in ms.
    """

    message_id: str
    what: str
    value: int


class Reported(IntEnum):
    """What became of a report."""

    COUNTED = 1
    BEFORE = 0
    """The same was counted of this message already."""
    UNKNOWN = -1
    """The app has sent no such message, or it was forgotten."""
    TOO_LATE = -3
    TOO_MANY = -4


class _News(NamedTuple):
    """Something to count of one message."""

    portfolio: str
    message_id: str
    counters: tuple[Counter, ...]
    at_ms: int


class _Question(NamedTuple):
    """A user's message, at Meta's time."""

    portfolio: str
    recipient: bytes
    number: str
    at_ms: int


class Outcomes:
    """Counts outcomes, each of a message at most once, however often it is told. Every method raises StoreUnavailable.

    What can't be written because the store is away is lost to early warning, and to nothing else. An acceptance is
    counted where it is settled (`Ledger.settle`), what a status tells where that is applied.
    """

    def __init__(self, client: StoreClient, portfolios: Iterable[str], *, one_slot: bool) -> None:
        """`one_slot`: a call may not span portfolios (a cluster)."""
        self._client = client
        self._keys = {portfolio: PortfolioKeys(portfolio) for portfolio in portfolios}
        self._news = Shards(self._count, one_slot)
        self._questions = Shards(self._ask, one_slot)

    async def asked(self, portfolio: str, number: str, recipient: bytes, at_ms: int) -> bool:
        """A user wrote to a number, by Meta's time; whether they wait for an answer since then."""
        return await self._questions[portfolio].put(_Question(portfolio, recipient, number, at_ms))

    async def _ask(self, questions: list[_Question]) -> list[bool]:
        blocks: dict[str, int] = {}
        keys: list[bytes | str] = []
        args: list[bytes | str | int] = [WAITS_MS]
        for question in questions:
            portfolio = question.portfolio
            if portfolio not in blocks:
                blocks[portfolio] = len(blocks)
                keys += self._keys[portfolio].all
            args += (blocks[portfolio], question.recipient, question.number, question.at_ms)
        answer: list[Any] = await script("ask").repeatable(self._client, keys, args)
        return [waits == 1 for waits in answer]

    async def opted_out(self, portfolio: str, number: str, recipients: Sequence[bytes], at_ms: int) -> bool:
        """A user wants no more; whether that was put down to a send.

        It is put down to the last marketing message that the user got from the number within 72 hours, or else to the
        last one with any category. `recipients`: what the user is known as, the surest first.
        """
        reached = await self._reached(portfolio, number, recipients)
        if reached is None:
            return False
        message_id = reached.last
        if reached.marketing:
            with store_faults:
                record = await message_record.read(self._client, self._keys[portfolio].message(reached.marketing))
            if at_ms - int(record.get(b"at", 0)) <= REACH_MS:
                message_id = reached.marketing
        return await self._put_down(portfolio, message_id, Counter.OPTED_OUT, at_ms)

    async def replied(self, portfolio: str, number: str, recipients: Sequence[bytes], at_ms: int) -> bool:
        """A user wrote something; whether that was put down to a send: the last one with a category that they got from
        the number, if it is the first that they say to it within 24 hours.
        """
        last = await self._reached(portfolio, number, recipients)
        return last is not None and await self._put_down(portfolio, last.last, Counter.REPLIED, at_ms)

    async def _put_down(self, portfolio: str, message_id: str, counter: Counter, at_ms: int) -> bool:
        with store_faults:
            record = await message_record.read(self._client, self._keys[portfolio].message(message_id))
        sent_at, counted = record.get(b"at"), record.get(b"outcomes")
        # Told again days later, it is not put down to what was sent meanwhile.
        if not sent_at or at_ms < int(sent_at) - _CLOCKS_APART_MS:
            return False
        if counter in (counted or b"").decode().split(" "):
            return False
        return await self._news[portfolio].put(_News(portfolio, message_id, (counter,), at_ms))

    async def reported(self, portfolio: str, app: str, reports: Sequence[Report]) -> list[Reported]:
        """Count what an app reports of its sends, each of a message once, however often it is told."""
        found: list[Reported] = []
        for i in range(0, len(reports), _REPORTS_AT_ONCE):
            args: list[str | int | bytes] = [KEEP_MS, REPORTS_MS, MOST_REPORTS, app]
            for report in reports[i : i + _REPORTS_AT_ONCE]:
                args += report
            answer = await script("report_outcomes").repeatable(self._client, self._keys[portfolio].all, args)
            found += map(Reported, answer[1:])
        return found

    async def last_send(self, portfolio: str, number: str, recipients: Sequence[bytes]) -> str | None:
        """The id of the last send with a category that a user got from the number, within 72 hours."""
        last = await self._reached(portfolio, number, recipients)
        return last.last if last is not None else None

    async def answers_marketing(self, portfolio: str, number: str, recipients: Sequence[bytes]) -> bool:
        """Whether the last thing with a category that the user got from the number, within 72 hours, was marketing."""
        last = await self._reached(portfolio, number, recipients)
        return last is not None and last.last == last.marketing

    async def _reached(self, portfolio: str, number: str, recipients: Sequence[bytes]) -> _Reached | None:
        keys = self._keys[portfolio]
        for recipient in recipients:
            with store_faults:
                found: Any = await self._client.mget(
                    [keys.reached(number, recipient), keys.reached(f"marketing:{number}", recipient)]
                )
            last, marketing = found
            if last:
                return _Reached(last.decode(), (marketing or b"").decode())
        return None

    async def _count(self, batch: list[_News]) -> list[bool]:
        blocks: dict[str, int] = {}
        keys: list[bytes | str] = []
        args: list[bytes | str | int] = [KEEP_MS]
        for news in batch:
            if news.portfolio not in blocks:
                blocks[news.portfolio] = len(blocks)
                keys += self._keys[news.portfolio].all
            args += (blocks[news.portfolio], news.message_id, _written(news.counters), news.at_ms)
        answer: list[Any] = await script("count_outcomes").repeatable(self._client, keys, args)
        return [counted == 1 for counted in answer[1:]]


class _Reached(NamedTuple):
    """What a user got last from a number, and of marketing ("": nothing): the ids."""

    last: str
    marketing: str


@functools.cache
def counters_of(status: MessageStatus, code: int | None) -> str:
    """What a status counts as, as the scripts read it; `code`: of a failure the first error that is given."""
    if status is not MessageStatus.FAILED:
        return _written(_HEARD[status])
    # A message fails once, for the first reason that is given; without one it is a failure.
    return _written((Counter.SENT, *(counters_of_error(code) if code is not None else (Counter.FAILED,))))


@functools.cache
def _written(counters: tuple[Counter, ...]) -> str:
    return " ".join(f"{counter}={_within_ms(counter)}" for counter in counters)


def _within_ms(counter: Counter) -> int:
    return -1 if counter is Counter.SENT else COUNTS_WITHIN_MS[counter]
