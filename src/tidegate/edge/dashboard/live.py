"""What changes on a page while it is looked at: gathered once a second for all who look, told when it is new.

A page is looked after only while somebody watches it. All who watch the same page as the same app share one look, so
what it costs does not grow with them; whoever takes his news slowly gets the latest, not all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from aiohttp import web

from tidegate.edge.calls import Call
from tidegate.edge.dashboard.page import Page
from tidegate.edge.dashboard.rendering import TOKEN_MARK, live_blocks
from tidegate.edge.dashboard.shell import Shell, SignedIn, base_of
from tidegate.edge.dashboard.stream import AGAIN, NOTHING, SILENCE_S, STREAM, event, write
from tidegate.edge.denials import Denial, Kind
from tidegate.errors import StoreUnavailable
from tidegate.tasks import spawn

#: Of each process, and of one app on it. A browser has one for each tab that is in sight.
MOST_WATCHERS: Final = 64
MOST_WATCHERS_OF_APP: Final = 32
#: How often it is looked whether a watcher is still there, and still signed in.
_PRESENCE_S: Final = 1.0

log = structlog.get_logger()


@dataclass(slots=True)
class _Look:
    """What is known of one page: its live blocks, and what kept them from being looked at."""

    fragments: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""
    version: int = 0
    watchers: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, fragments: Mapping[str, str], fault: str) -> None:
        if (fragments, fault) == (self.fragments, self.fault) and self.version:
            return
        self.fragments, self.fault = fragments, fault
        self.version += 1
        self.news.set()
        # Whoever waits has been told; the next to wait waits for the next news.
        self.news = asyncio.Event()


class Live:
    """Streams pages' changes as server-sent events (WHATWG HTML, 9.2)."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._looks: dict[tuple[str, str], _Look] = {}
        self._watchers: Counter[str] = Counter()

    async def stream(self, request: web.Request, page: Page, who: SignedIn) -> web.StreamResponse:
        """Tell what changes, until the watcher goes, the session ends, or the node. Raises Denial: too many watch."""
        if self._watchers.total() >= MOST_WATCHERS or self._watchers[who.app.name] >= MOST_WATCHERS_OF_APP:
            detail = "as many pages of the dashboard are being watched as may be: by this app, or on this node"
            raise Denial(Kind.OVERLOADED, detail)
        response = web.StreamResponse(headers=STREAM)
        self._watchers[who.app.name] += 1
        try:
            # Whoever has gone is missed by nobody.
            with contextlib.suppress(ConnectionError, TimeoutError):
                await response.prepare(request)
                async with self._watching(request, page, who) as look:
                    await self._tell(request, response, look, who)
        finally:
            self._watchers[who.app.name] -= 1
        return response

    async def _tell(self, request: web.Request, response: web.StreamResponse, look: _Look, who: SignedIn) -> None:
        await write(response, AGAIN)
        told: dict[str, str] = {}
        version, fault = 0, ""
        now_s = asyncio.get_running_loop().time
        silent_s = now_s()
        while not self._shell.services.closing():
            news = look.news
            if look.version == version:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_PRESENCE_S):
                        await news.wait()
            # Whoever has gone without a word leaves his place to others before there is anything to tell him.
            if request.transport is None or request.transport.is_closing():
                return
            if not await self._shell.lasts(who):
                await write(response, event("over", ""))
                return
            if look.version == version:
                if now_s() - silent_s >= SILENCE_S:
                    silent_s = now_s()
                    await write(response, NOTHING)
                continue
            silent_s = now_s()
            version = look.version
            new = {name: html for name, html in look.fragments.items() if told.get(name) != html}
            told |= new
            if look.fault != fault:
                fault = look.fault
                await write(response, event("fault", fault))
            if new:
                filled = {name: html.replace(TOKEN_MARK, who.session.token) for name, html in new.items()}
                await write(response, event("fragments", filled))

    @asynccontextmanager
    async def _watching(self, request: web.Request, page: Page, who: SignedIn) -> AsyncIterator[_Look]:
        name = (who.app.name, base_of(request) + request.path_qs)
        look = self._looks.get(name)
        if look is None:
            look = self._looks[name] = _Look()
            call = self._shell.call(request, who)
            around = self._shell.around(request, who, TOKEN_MARK)
            spawn(self._look_after(name, look, page, call, around), "dashboard's look")
        look.watchers += 1
        try:
            yield look
        finally:
            look.watchers -= 1

    async def _look_after(
        self, name: tuple[str, str], look: _Look, page: Page, call: Call, around: Mapping[str, Any]
    ) -> None:
        try:
            while look.watchers and not self._shell.services.closing():
                fragments, fault = await _gathered(page, call, around)
                look.tell(look.fragments if fault else fragments, fault)
                await asyncio.sleep(page.every_s)
        finally:
            del self._looks[name]


async def _gathered(page: Page, call: Call, around: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    """The live blocks as they are now, and what is in the way of knowing it."""
    assert call.seen is not None, "the shell makes calls that keep what they have seen"
    call.seen.clear()
    try:
        context = await page.gather(call)
        return live_blocks(page.template, {**around, "live": True, **context}), ""
    except StoreUnavailable:
        return {}, "the store is unreachable: this is what was so before"
    except Denial as denial:
        return {}, denial.detail
    except Exception:
        log.exception("look_failed", page=page.path)
        return {}, "looking failed: the log says why"
