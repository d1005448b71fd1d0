"""Connections that know whether aiohttp's own loop (`RequestHandler.start`) waits for them."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from tidegate.edge.door.connections import Connection, LimitedServer

#: So much is kept until that loop waits again; more than that it is given at once.
_MOST_EARLY: Final = 2**16


class AwaitingConnection(Connection):
    """Such a connection.

    What comes after an answer of aiohttp's own loop, and before that loop waits again, is kept until it does: that is a
    turn of the event loop later, and by then a busy node's callers have all written again. So is the first request of
    a connection.
    """

    def __init__(self, server: LimitedServer, **options: Any) -> None:
        #: What aiohttp's own loop waits by; None while it does not.
        self._idle: asyncio.Future[None] | None = None
        #: What has come too early.
        self._early = b""
        super().__init__(server, **options)

    @property
    def _waiter(self) -> asyncio.Future[None] | None:
        return self._idle

    @_waiter.setter
    def _waiter(self, idle: asyncio.Future[None] | None) -> None:
        # aiohttp's own name, set by its loop.
        self._idle = idle
        if idle is not None and self._early:
            self._loop.call_soon(self._take_early)

    def _take_early(self) -> None:
        # What came since has taken it along; and whoever has gone by now is given up.
        if self._early and self.transport is not None and not self.transport.is_closing():
            self.data_received(b"")

    def _keeps(self, data: bytes) -> bool:
        """Whether what came while that loop does not wait is kept, for it came too early."""
        if len(data) > _MOST_EARLY or not self._is_between():
            return False
        self._early = data
        return True

    def _is_between(self) -> bool:
        """Whether aiohttp's own loop is done with what has come so far, though it does not wait yet."""
        if self._messages or self._current_request is not None:
            return False
        return not (self.is_surplus or self._force_close or self._close)
