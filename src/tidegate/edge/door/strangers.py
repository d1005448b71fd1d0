"""Bodies that are read before it is known whose they are: the key may stand in a form (`access_token`), and what Meta
has signed is known by its whole."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from tidegate.edge.denials import Denial, Kind
from tidegate.edge.door.bodies import SEND_DEADLINE_S, SEND_MOST, read_body
from tidegate.metrics import Metrics

#: So many forms at once on a node, 64 MiB at the worst. They take nothing of what callers with keys may have under way.
MOST: Final = 256


class Strangers:
    """Reads such bodies, so many at a time. Where there are more, the one that has been waited for longest is given
    up: whoever means it sends a form at once, and who drips keeps out only others who drip.
    """

    __slots__ = ("_metrics", "_most", "_waited_for")

    def __init__(self, metrics: Metrics, most: int = MOST) -> None:
        self._metrics = metrics
        self._most = most
        # Each ends when it is told to; the longest waited for comes first.
        self._waited_for: dict[asyncio.Timeout, None] = {}

    async def read(
        self, request: web.Request, most_bytes: int = SEND_MOST, deadline_s: float = SEND_DEADLINE_S
    ) -> bytes:
        """The whole body. Raises Denial as `read_body` does, and overloaded for one that is given up."""
        if len(self._waited_for) >= self._most:
            self._give_up_one()
        try:
            async with asyncio.timeout(None) as wait:
                self._waited_for[wait] = None
                try:
                    return await read_body(request, most_bytes, deadline_s)
                finally:
                    self._waited_for.pop(wait, None)
        except TimeoutError:
            self._metrics.turned_away("bodies")
            detail = f"more than {self._most} bodies are awaited of callers who have shown no key: give it in the head"
            raise Denial(Kind.OVERLOADED, detail, headers={"Retry-After": "1", "Connection": "close"}) from None

    def _give_up_one(self) -> None:
        longest = next(iter(self._waited_for))
        del self._waited_for[longest]
        longest.reschedule(asyncio.get_running_loop().time())
