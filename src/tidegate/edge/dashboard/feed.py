"""The live feed as a page: what is decided, and what changes, the newest first, as it happens on whichever node."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from operator import is_
from typing import Any, Final

from aiohttp import web

from tidegate.edge.calls import Call
from tidegate.edge.control.events import VERDICTS
from tidegate.edge.dashboard.rendering import rendered
from tidegate.edge.dashboard.shell import Shell, SignedIn
from tidegate.edge.dashboard.stream import AGAIN, NOTHING, SILENCE_S, STREAM, event, write
from tidegate.edge.denials import Denial
from tidegate.edge.denials import Kind as DenialKind
from tidegate.edge.sight import sees
from tidegate.feed import FeedEvent, Kind, Passes, Subscription

#: How often what has come is shown, and how much of it: nobody reads faster.
_TURN_S: Final = 1.0
_MOST_ROWS: Final = 60
#: Apps that watch are told different things, and so are those who ask for one verdict.
_MOST_KEPT: Final = 8


async def gather(call: Call) -> dict[str, Any]:
    """What the feed is narrowed down to. Raises Denial."""
    return {"verdicts": VERDICTS, "verdict": _verdict(call)}


class Rows:
    """Events as rows of the page. What several readers are told in the same turn is made once."""

    def __init__(self) -> None:
        self._made: deque[tuple[list[FeedEvent], str]] = deque(maxlen=_MOST_KEPT)

    def of(self, events: Sequence[FeedEvent]) -> str:
        """The newest first; of more than anybody reads, what was refused or changed before what went."""
        shown = _shown(events)
        # Readers of one node are told the same objects.
        for known, rows in self._made:
            if len(known) == len(shown) and all(map(is_, known, shown)):
                return rows
        rows = rendered("feed_rows.html", {"events": list(reversed(shown))})
        self._made.append((shown, rows))
        return rows


class FeedStream:
    """Tells a browser what happens, a second's worth at a time."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._rows = Rows()

    async def stream(self, request: web.Request, who: SignedIn) -> web.StreamResponse:
        """Tell, until the watcher goes, the session ends, or the node. Raises Denial: too many watch."""
        call = self._shell.call(request, who)
        reader = call.services.feed.subscribe(
            call.grants.portfolios(call.app), _passes(call), whose=who.app.name, after=None
        )
        if reader is None:
            raise Denial(DenialKind.OVERLOADED, "as many read the feed as may: of this app, or of this node")
        response = web.StreamResponse(headers=STREAM)
        # Whoever has gone is missed by nobody.
        with reader, contextlib.suppress(ConnectionError, TimeoutError):
            await response.prepare(request)
            await write(response, AGAIN)
            await self._tell(response, reader, who)
        return response

    async def _tell(self, response: web.StreamResponse, reader: Subscription, who: SignedIn) -> None:
        while not reader.ended:
            events = await reader.next(SILENCE_S)
            if not await self._shell.lasts(who):
                await write(response, event("over", ""))
                return
            await write(response, event("rows", self._rows.of(events)) if events else NOTHING)
            # All readers' turns begin at the same time, so that what they are told is the same.
            await asyncio.sleep(_TURN_S - asyncio.get_running_loop().time() % _TURN_S)


def _shown(events: Sequence[FeedEvent]) -> list[FeedEvent]:
    if len(events) <= _MOST_ROWS:
        return list(events)
    plain = [one for one in events if one.kind is Kind.DECISION and one.data["verdict"] == "send"]
    left_out = set(map(id, plain[: len(events) - _MOST_ROWS]))
    return [one for one in events if id(one) not in left_out][-_MOST_ROWS:]


def _passes(call: Call) -> Passes:
    verdict, may_see = _verdict(call), sees(call.grants, call.app)

    def passes(one: FeedEvent) -> bool:
        if one.kind is Kind.STATUS or (one.kind is Kind.LEFT_OUT and one.data["of"] == Kind.STATUS):
            return False
        if verdict and verdict not in (one.data.get("verdict"), one.data.get("word")):
            return False
        return may_see(one)

    return passes


def _verdict(call: Call) -> str:
    verdict = call.query("verdict") or ""
    if verdict and verdict not in VERDICTS:
        raise Denial(DenialKind.BAD_REQUEST, f"query verdict: has to be one of {', '.join(VERDICTS)}")
    return verdict
