"""What Meta tells only when asked: limit, numbers and templates, read from Graph into the standing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import structlog

from tidegate.clock import StoreClock
from tidegate.cloudapi.json_text import BadJson, read_json
from tidegate.cloudapi.vocabulary import NumberStatus, Quality, TemplateStatus, read_category, read_limit
from tidegate.errors import StoreUnavailable
from tidegate.policy.standing import Change
from tidegate.signals import Signals
from tidegate.upstream import Upstream

VERSION: Final = "v25.0"
_MAX_PAGES: Final = 100
_TEMPLATE_FIELDS: Final = "name,language,category,status,quality_score"
_NUMBER_FIELDS: Final = "quality_rating,status,throughput,whatsapp_business_manager_messaging_limit"
_LEVELS: Final[Mapping[str, int]] = {"HIGH": 1_000}
_RETRY_MS: Final = (2_000, 5_000, 15_000, 60_000)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Account:
    """One WABA to be read: its portfolio, its numbers, and the token that may read it."""

    portfolio: str
    waba: str
    numbers: tuple[str, ...]
    token: str


class NotRead(Exception):
    """Graph did not give what was asked for; says why without quoting anything."""


class Poller:
    """Reads the standing of every account from Graph. Meta's sources: phone number node, message_templates edge."""

    def __init__(self, upstream: Upstream, signals: Signals, clock: StoreClock, accounts: Sequence[Account]) -> None:
        self._upstream = upstream
        self._signals = signals
        self._clock = clock
        self._accounts = accounts

    async def run(self) -> None:
        """Read every account once; one that could not be read is tried again until it can. Ends when all were read."""
        waiting = list(self._accounts)
        tries = 0
        while waiting:
            waiting = [account for account in waiting if not await self._read(account)]
            if waiting:
                await asyncio.sleep(_RETRY_MS[min(tries, len(_RETRY_MS) - 1)] / 1000)
                tries += 1

    async def _read(self, account: Account) -> bool:
        try:
            changes = [change async for change in self._changes(account)]
            await self._signals.restand(account.portfolio, changes)
        except (NotRead, StoreUnavailable) as error:
            log.warning("standing_not_read", portfolio=account.portfolio, waba_id=account.waba, fault=str(error))
            return False
        log.info("standing_read", portfolio=account.portfolio, waba_id=account.waba, records=len(changes))
        return True

    async def _changes(self, account: Account) -> AsyncIterator[Change]:
        at_ms = self._clock.now_ms()
        for number in account.numbers:
            node = await self._get(f"/{VERSION}/{number}?fields={_NUMBER_FIELDS}", account.token)
            for change in _number_changes(number, node, at_ms):
                yield change
        after = ""
        for _ in range(_MAX_PAGES):
            path = f"/{VERSION}/{account.waba}/message_templates?fields={_TEMPLATE_FIELDS}&limit=100{after}"
            page = await self._get(path, account.token)
            for template in _objects(page.get("data")):
                read = _template_change(account.waba, template, at_ms)
                if read is not None:
                    yield read
            cursor = _object(_object(page.get("paging")).get("cursors")).get("after")
            if not isinstance(cursor, str) or not _object(page.get("paging")).get("next"):
                return
            after = f"&after={quote(cursor, safe='')}"

    async def _get(self, path: str, token: str) -> dict[str, Any]:
        try:
            async with self._upstream.session.get(
                self._upstream.url(path), headers={"Authorization": f"Bearer {token}"}, allow_redirects=False
            ) as answer:
                if answer.status != 200:
                    raise NotRead(f"Graph answered HTTP {answer.status}")
                body = read_json(await answer.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NotRead(f"Graph could not be reached: {type(error).__name__}") from None
        except BadJson:
            raise NotRead("Graph's answer is not JSON") from None
        if not isinstance(body, dict):
            raise NotRead("Graph's answer is no object")
        return body


def _number_changes(number: str, node: Mapping[str, Any], at_ms: int) -> list[Change]:
    values: dict[str, Any] = {}
    if node.get("quality_rating") in (*Quality, "NA"):
        values["quality"] = Quality(node["quality_rating"]).value
    if node.get("status") in tuple(NumberStatus):
        values["status"] = node["status"]
    level = _object(node.get("throughput")).get("level")
    if isinstance(level, str) and level in _LEVELS:
        values["throughput"] = _LEVELS[level]
    changes = [Change("number", number, values, "graph", at_ms, "read from Graph")] if values else []
    limit = read_limit(node.get("whatsapp_business_manager_messaging_limit"))
    if limit is not None:
        # Whether it tightens is not known here: what was read is acknowledged to nobody.
        changes.append(Change("limit", "", {"limit": limit}, "graph", at_ms, "read from Graph"))
    return changes


def _template_change(waba: str, template: Mapping[str, Any], at_ms: int) -> Change | None:
    name, language = template.get("name"), template.get("language")
    if not isinstance(name, str) or not isinstance(language, str):
        return None
    values: dict[str, Any] = {}
    category = read_category(template.get("category"))
    if category is not None:
        values["category"] = category.value
    if template.get("status") in tuple(TemplateStatus):
        values["status"] = template["status"]
    score = _object(template.get("quality_score")).get("score")
    if score in tuple(Quality):
        values["quality"] = score
    return Change("template", f"{waba}:{language}:{name}", values, "graph", at_ms, "read from Graph")


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
