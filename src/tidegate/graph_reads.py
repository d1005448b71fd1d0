"""Reads of Graph as changes of standing: phone number nodes and template lists, each read by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import orjson

from tidegate.cloudapi.errors import read_error
from tidegate.cloudapi.json_text import BadJson, read_json
from tidegate.cloudapi.vocabulary import NumberStatus, Quality, TemplateStatus, read_category, read_limit
from tidegate.policy.standing import Change
from tidegate.upstream import Upstream

VERSION: Final = "v25.0"
_MAX_PAGES: Final = 100
_TEMPLATE_FIELDS: Final = "name,language,category,status,quality_score"
_NUMBER_FIELDS: Final = "quality_rating,status,throughput,whatsapp_business_manager_messaging_limit"
_LEVELS: Final[Mapping[str, int]] = {"HIGH": 1_000}
#: Codes by which Meta asks for fewer management calls (Meta, "Rate limits"); going on makes the block longer.
_SLOW_DOWN: Final = frozenset({4, 17, 32, 613, 80007, 80008})
_SLOW_DOWN_MS: Final = 300_000
_USAGE_HEADERS: Final = ("X-Business-Use-Case-Usage", "X-App-Usage")
#: Share of the call budget, in percent, from which on the next call waits.
_USAGE_BOUND: Final = 90


class NotRead(Exception):
    """Graph did not give what was asked for; says why without quoting anything.

    `wait_ms`: how long Meta asks to make no more such calls; 0 when it did not.
    """

    def __init__(self, why: str, wait_ms: int = 0) -> None:
        super().__init__(why)
        self.wait_ms = wait_ms


@dataclass(frozen=True, slots=True)
class Read:
    """One answer: its object, and how long to make no more calls (ms, 0: no need)."""

    node: Mapping[str, Any]
    wait_ms: int


class GraphReads:
    """Reads the standing of one account with its token."""

    __slots__ = ("_token", "_upstream", "_waba")

    def __init__(self, upstream: Upstream, waba: str, token: str) -> None:
        self._upstream = upstream
        self._waba = waba
        self._token = token

    async def number(self, number: str, at_ms: int) -> tuple[list[Change], int]:
        """Quality, state, throughput and the portfolio's limit, and the wait asked for. Raises NotRead."""
        read = await self._get(f"/{VERSION}/{number}?fields={_NUMBER_FIELDS}")
        return _number_changes(number, read.node, at_ms), read.wait_ms

    async def templates(self, at_ms: int) -> tuple[list[Change], int]:
        """Category, state and quality of every template, and the wait asked for. Raises NotRead."""
        changes: list[Change] = []
        after, wait_ms = "", 0
        for _ in range(_MAX_PAGES):
            path = f"/{VERSION}/{self._waba}/message_templates?fields={_TEMPLATE_FIELDS}&limit=100{after}"
            page = await self._get(path)
            wait_ms = max(wait_ms, page.wait_ms)
            templates = (_template_change(self._waba, template, at_ms) for template in _objects(page.node.get("data")))
            changes += [change for change in templates if change is not None]
            paging = _object(page.node.get("paging"))
            cursor = _object(paging.get("cursors")).get("after")
            if not isinstance(cursor, str) or not paging.get("next"):
                break
            after = f"&after={quote(cursor, safe='')}"
        return changes, wait_ms

    async def _get(self, path: str) -> Read:
        try:
            async with self._upstream.session.get(
                self._upstream.url(path), headers={"Authorization": f"Bearer {self._token}"}, allow_redirects=False
            ) as answer:
                raw = await answer.read()
                status, wait_ms = answer.status, _wait_asked_for(answer.headers)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NotRead(f"Graph could not be reached: {type(error).__name__}") from None
        if status != 200:
            refusal = read_error(raw)
            error_code = refusal.code if refusal else None
            if error_code in _SLOW_DOWN:
                wait_ms = max(wait_ms, _SLOW_DOWN_MS)
            raise NotRead(f"Graph answered HTTP {status}" + (f", code {error_code}" if error_code else ""), wait_ms)
        try:
            body = read_json(raw)
        except BadJson:
            raise NotRead("Graph's answer is not JSON") from None
        if not isinstance(body, dict):
            raise NotRead("Graph's answer is no object")
        return Read(body, wait_ms)


def _wait_asked_for(headers: Mapping[str, str]) -> int:
    """What the usage headers ask for: nothing, or a pause in ms. Source: Meta, "Rate limits" (minutes, percent)."""
    wait_ms = 0
    for name in _USAGE_HEADERS:
        try:
            usage = orjson.loads(headers.get(name, "{}"))
        except orjson.JSONDecodeError:
            continue
        entries = [entry for value in _object(usage).values() for entry in _objects(value)] or [_object(usage)]
        for entry in entries:
            minutes = entry.get("estimated_time_to_regain_access")
            if isinstance(minutes, int | float) and minutes > 0:
                wait_ms = max(wait_ms, int(minutes * 60_000))
            shares = [entry.get(key) for key in ("call_count", "total_time", "total_cputime")]
            if any(isinstance(share, int | float) and share >= _USAGE_BOUND for share in shares):
                wait_ms = max(wait_ms, _SLOW_DOWN_MS)
    return wait_ms


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
