"""Pages of a Graph list: cursors and absolute links (Meta: Graph API, paginated results)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from tidegate.simulator.answers import Answer, refusal

Json = dict[str, Any]


def paged(rows: Sequence[Json], query: Mapping[str, str], url: str) -> Answer:
    """Cut a list into the page asked for, with cursors and absolute links that repeat the query."""
    limit = query.get("limit", "25")
    if not re.fullmatch("[0-9]{1,5}", limit) or int(limit) == 0:
        return refusal(100, "limit must be a number from 1.")
    first, last = 0, len(rows)
    try:
        if "after" in query:
            first = _position(query["after"]) + 1
        if "before" in query:
            last = _position(query["before"])
            first = max(0, last - int(limit))
    except ValueError:
        return refusal(131059)
    page = list(rows[first : min(last, first + int(limit))])
    if not page:
        return Answer(200, {"data": []})
    end = first + len(page)
    paging: Json = {"cursors": {"before": _cursor(first), "after": _cursor(end - 1)}}
    if end < len(rows):
        paging["next"] = _link(url, query, "after", _cursor(end - 1))
    if first > 0:
        paging["previous"] = _link(url, query, "before", _cursor(first))
    return Answer(200, {"data": page, "paging": paging})


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"row{position}".encode()).decode().rstrip("=")


def _position(cursor: str) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, UnicodeError) as fault:
        raise ValueError("no cursor") from fault
    if not re.fullmatch("row[0-9]{1,9}", text):
        raise ValueError("no cursor")
    return int(text[3:])


def _link(url: str, query: Mapping[str, str], side: str, cursor: str) -> str:
    kept = [(name, value) for name, value in query.items() if name not in ("after", "before")]
    return f"{url}?{urlencode([*kept, (side, cursor)])}"
