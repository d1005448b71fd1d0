"""Reads of Graph: phone numbers, the account and its templates, within the budget that Meta leaves for such calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import aiohttp
import orjson

from tidegate.cloudapi.errors import read_error
from tidegate.cloudapi.json_text import BadJson, read_json
from tidegate.policy.consequences.sightings import signal_of_error, token_accepted
from tidegate.policy.consequences.signal import Signal, Source
from tidegate.policy.reach import Subject
from tidegate.policy.readings import Reading, account_reading, number_reading, template_reading
from tidegate.policy.standing import Change
from tidegate.upstream import Upstream

VERSION: Final = "v25.0"
_MAX_PAGES: Final = 100
_TEMPLATE_FIELDS: Final = "name,language,category,status,quality_score"
_NUMBER_FIELDS: Final = (
    "quality_rating,status,throughput,whatsapp_business_manager_messaging_limit,name_status,health_status"
)
_ACCOUNT_FIELDS: Final = "account_review_status,business_verification_status,health_status"
#: Codes by which Meta asks for fewer management calls (Meta, "Rate limits"); going on makes the block longer.
_SLOW_DOWN: Final = frozenset({4, 17, 32, 341, 613, 80007, 80008})
_SLOW_DOWN_MS: Final = 300_000
#: The budget is that of a rolling hour: an answer that asks for more than a day is a mistake.
_LONGEST_WAIT_MS: Final = 86_400_000
#: The usage headers, with the code that Meta answers when their budget is used up. Source: Meta, "Rate limits".
_USAGE: Final = {"X-Business-Use-Case-Usage": 80007, "X-App-Usage": 4}
#: Share of the call budget, in percent, from which on the next call waits.
_USAGE_BOUND: Final = 90


@dataclass(slots=True)
class Told:
    """What an account's nodes said, and what kept the rest from being read.

    `wait_ms`: how long Meta asks to make no more such calls; 0 when it did not. `faults` quote nothing.
    """

    changes: list[Change] = field(default_factory=list)
    signals: list[Signal] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    wait_ms: int = 0

    @property
    def whole(self) -> bool:
        """Whether everything was read."""
        return not self.faults


class _NotRead(Exception):
    """Graph did not give what was asked for, nor would it give anything else now."""


class _Wait(NamedTuple):
    """How long to make no more calls (ms), and the error code that says or foretells it."""

    ms: int
    code: int


class GraphReads:
    """Reads what Graph says of one account, with its token."""

    __slots__ = ("_now_ms", "_subject", "_token", "_upstream")

    def __init__(
        self, upstream: Upstream, portfolio: str, waba: str, token: Callable[[], str], now_ms: Callable[[], int]
    ) -> None:
        """`token` gives the account's now. `now_ms` tells the store's time: what was read is as old as the question."""
        self._upstream = upstream
        self._subject = Subject(portfolio, waba)
        self._token = token
        self._now_ms = now_ms

    async def read(self, numbers: Sequence[str]) -> Told:
        """One call a number, one for the account, one for each hundred templates; fewer once Meta asks for a pause.

        What can't be read is left out and told in `faults`; the rest is told all the same.
        """
        told = Told()
        try:
            for number in numbers:
                await self._number(number, told)
            await self._account(told)
            await self._templates(told)
        except _NotRead as error:
            told.faults.append(str(error))
        # Each number's node tells of the account again: once is enough, as of the first time.
        first: dict[tuple[str, Subject], Signal] = {}
        for signal in told.signals:
            first.setdefault((signal.name, signal.subject), signal)
        told.signals = list(first.values())
        return told

    async def _number(self, number: str, told: Told) -> None:
        subject = replace(self._subject, number=number)
        asked_at_ms = self._now_ms()
        node = await self._get(f"/{VERSION}/{number}?fields={_NUMBER_FIELDS}", asked_at_ms, told)
        if node is not None:
            _take(number_reading(node, subject, asked_at_ms), told)

    async def _account(self, told: Told) -> None:
        asked_at_ms = self._now_ms()
        node = await self._get(f"/{VERSION}/{self._subject.waba}?fields={_ACCOUNT_FIELDS}", asked_at_ms, told)
        if node is not None:
            _take(account_reading(node, self._subject, asked_at_ms), told)

    async def _templates(self, told: Told) -> None:
        after = ""
        for _ in range(_MAX_PAGES):
            path = f"/{VERSION}/{self._subject.waba}/message_templates?fields={_TEMPLATE_FIELDS}&limit=100{after}"
            asked_at_ms = self._now_ms()
            page = await self._get(path, asked_at_ms, told)
            if page is None:
                return
            for template in _objects(page.get("data")):
                _take(template_reading(template, self._subject, asked_at_ms), told)
            paging = _object(page.get("paging"))
            cursor = _object(paging.get("cursors")).get("after")
            if not isinstance(cursor, str) or not paging.get("next"):
                return
            after = f"&after={quote(cursor, safe='')}"
        told.faults.append(f"there are more than {_MAX_PAGES} pages of templates")

    async def _get(self, path: str, asked_at_ms: int, told: Told) -> Mapping[str, Any] | None:
        """The object that Graph answers; None where it refuses this one. Raises _NotRead where it would refuse all."""
        if told.wait_ms:
            raise _NotRead("Meta asks for no more calls now")
        try:
            status, headers, raw = await self._answer(path)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _NotRead(f"Graph could not be reached: {type(error).__name__}") from None
        for wait in _waits_told(headers):
            self._rest(wait, "usage header", asked_at_ms, told)
        if status != 200:
            self._refused(status, raw, asked_at_ms, told)
            return None
        told.signals.append(token_accepted(self._subject, asked_at_ms))
        try:
            body = read_json(raw)
        except BadJson:
            told.faults.append("Graph's answer is not JSON")
            return None
        if not isinstance(body, dict):
            told.faults.append("Graph's answer is no object")
            return None
        return body

    async def _answer(self, path: str) -> tuple[int, Mapping[str, str], bytes]:
        async with self._upstream.session.get(
            self._upstream.url(path), headers={"Authorization": f"Bearer {self._token()}"}, allow_redirects=False
        ) as answer:
            return answer.status, answer.headers, await answer.read()

    def _refused(self, status: int, raw: bytes, asked_at_ms: int, told: Told) -> None:
        refusal = read_error(raw)
        if refusal is None:
            told.faults.append(f"Graph answered HTTP {status}")
            return
        code = refusal.code
        told.faults.append(f"Graph answered HTTP {status}, code {code}")
        if code in _SLOW_DOWN:
            self._rest(_Wait(max(_SLOW_DOWN_MS, told.wait_ms), code), "", asked_at_ms, told)
        # Code 0 says that the token is at fault only where the status says so too.
        if code == 190 or (code == 0 and status == 401):
            told.signals.append(signal_of_error(code, self._subject, asked_at_ms, source=Source.GRAPH))
            raise _NotRead("Graph does not take the token")

    def _rest(self, wait: _Wait, detail: str, asked_at_ms: int, told: Told) -> None:
        told.wait_ms = max(told.wait_ms, wait.ms)
        signal = signal_of_error(
            wait.code, self._subject, asked_at_ms, source=Source.GRAPH, until_ms=asked_at_ms + wait.ms
        )
        told.signals.append(replace(signal, detail=detail))


def _take(reading: Reading, told: Told) -> None:
    told.changes += reading.changes
    told.signals += reading.signals


def _waits_told(headers: Mapping[str, str]) -> list[_Wait]:
    """What the usage headers ask for. Source: Meta, "Rate limits" (minutes, percent of a rolling hour)."""
    waits = []
    for name, code in _USAGE.items():
        try:
            usage = orjson.loads(headers.get(name, "{}"))
        except orjson.JSONDecodeError:
            continue
        entries = [entry for value in _object(usage).values() for entry in _objects(value)] or [_object(usage)]
        wait_ms = max(map(_entry_wait_ms, entries))
        if wait_ms:
            waits.append(_Wait(wait_ms, code))
    return waits


def _entry_wait_ms(entry: Mapping[str, Any]) -> int:
    spent = max(_number(entry.get(key)) for key in ("call_count", "total_time", "total_cputime")) >= _USAGE_BOUND
    told_ms = min(_number(entry.get("estimated_time_to_regain_access")) * 60_000, _LONGEST_WAIT_MS)
    return max(int(told_ms), _SLOW_DOWN_MS if spent else 0)


def _number(value: object) -> float:
    return value if isinstance(value, int | float) and value > 0 else 0


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
