"""The dashboard's rows of the route table: its pages, what is done on them, signing in, style and script."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from tidegate.edge.calls import Call
from tidegate.edge.dashboard.actions import ACTIONS, Action
from tidegate.edge.dashboard.faults import fault_page
from tidegate.edge.dashboard.feed import FeedStream
from tidegate.edge.dashboard.forms import read_form
from tidegate.edge.dashboard.live import Live
from tidegate.edge.dashboard.login import Login, sign_in_first
from tidegate.edge.dashboard.page import Page
from tidegate.edge.dashboard.pages import PAGES
from tidegate.edge.dashboard.shell import ROOT, Shell, SignedIn, away, base_of
from tidegate.edge.dashboard.static_files import read_static
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.door.keyring import Keyring, require
from tidegate.edge.grants import Grants
from tidegate.edge.services import Services
from tidegate.edge.table.endpoint import Endpoint, OpenHandler
from tidegate.errors import StoreUnavailable

_HTML: Final = ("text/html",)
_STREAM: Final = "text/event-stream"

_Handler = Callable[[web.Request, SignedIn], Awaitable[web.StreamResponse]]


class Dashboard:
    """What a node answers below `/dashboard`."""

    def __init__(self, services: Services, keyring: Keyring, grants: Grants) -> None:
        self._shell = Shell(services, keyring, grants, PAGES)

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Every endpoint of it. They are for browsers, and no part of the described API."""
        shell = self._shell
        live, feed, login = Live(shell), FeedStream(shell), Login(shell)

        def row(method: str, path: str, handler: OpenHandler) -> Endpoint:
            return Endpoint(method, f"{ROOT}{path}", "", {200: ""}, open_to_all=handler, answer_types=_HTML)

        return (
            row("GET", "/login", _open(shell, login.form)),
            row("POST", "/login", _open(shell, login.sign_in)),
            row("POST", "/logout", _open(shell, login.sign_out)),
            row("GET", "/static/{name}", read_static),
            *(row("GET", page.path, _signed_in(shell, _shown(shell, live, feed, page))) for page in PAGES),
            *(row("POST", action.path, _signed_in(shell, _done(shell, action))) for action in ACTIONS),
        )

    async def astray(self, request: web.Request, denial: Denial) -> web.StreamResponse:
        """The answer to what is asked for below `/dashboard` and is no endpoint. Raises the denial for who is not
        somebody with a browser.
        """
        is_here = request.path.startswith(f"{ROOT}/")
        if not is_here or _HTML[0] not in request.headers.get("Accept", ""):
            raise denial
        if request.path == f"{ROOT}/":
            return away(base_of(request))
        return await _rendered(self._shell, request, None, self._lost(request, denial))

    async def _lost(self, request: web.Request, denial: Denial) -> web.Response:
        if denial.kind is Kind.NOT_FOUND:
            denial = Denial(Kind.NOT_FOUND, "No page of the dashboard has this address.")
        return fault_page(self._shell, request, await self._shell.signed_in(request), denial)


def _shown(shell: Shell, live: Live, feed: FeedStream, page: Page) -> _Handler:
    async def show(request: web.Request, who: SignedIn) -> web.StreamResponse:
        if request.headers.get("Accept") == _STREAM:
            return await (feed.stream(request, who) if page.has_feed else live.stream(request, page, who))
        context = await page.gather(shell.call(request, who))
        return shell.html(request, who, page.template, context, has_feed=page.has_feed)

    return show


def _done(shell: Shell, action: Action) -> _Handler:
    async def do(request: web.Request, who: SignedIn) -> web.StreamResponse:
        fields = await read_form(shell, request, who)
        require(who.app, *action.scopes)
        call = Call(request, who.app, shell.services, grants=shell.grants, key_hash=who.session.key_hash)
        return away(base_of(request) + await action.do(call, fields))

    return do


def _signed_in(shell: Shell, handler: _Handler) -> OpenHandler:
    async def handle(request: web.Request) -> web.StreamResponse:
        who = await shell.signed_in(request)
        if who is not None:
            return await _rendered(shell, request, who, handler(request, who))
        if request.headers.get("Accept") == _STREAM:
            # Not a page that a browser would follow to: an EventSource ends with this.
            raise Denial(Kind.UNAUTHENTICATED, "the session is over")
        return sign_in_first(request)

    return handle


def _open(shell: Shell, handler: OpenHandler) -> OpenHandler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await _rendered(shell, request, None, handler(request))

    return handle


async def _rendered(
    shell: Shell, request: web.Request, who: SignedIn | None, answering: Awaitable[web.StreamResponse]
) -> web.StreamResponse:
    """The answer, or what was wrong as a page."""
    try:
        return await answering
    except Denial as denial:
        return fault_page(shell, request, who, denial)
    except StoreUnavailable:
        return fault_page(shell, request, who, Denial(Kind.STORE_UNAVAILABLE))
