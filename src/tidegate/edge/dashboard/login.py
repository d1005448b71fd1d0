"""Signing in with the key of an app, and out again."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from yarl import URL

from tidegate.edge.dashboard.forms import read_form
from tidegate.edge.dashboard.shell import ROOT, Shell, away, base_of
from tidegate.edge.denials import Denial
from tidegate.edge.door.keyring import require
from tidegate.settings.tables import Scope

_LONGEST_NEXT: Final = 1024


class Login:
    """Opens and ends sessions."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    async def form(self, request: web.Request) -> web.Response:
        """The form; whoever is signed in already goes on."""
        onward = _onward(request, request.query.get("next", ""))
        if await self._shell.signed_in(request) is not None:
            return away(onward)
        return self._shell.html(request, None, "login.html", {"fault": "", "next": onward})

    async def sign_in(self, request: web.Request) -> web.Response:
        """Open a session, or say why not. Wrong keys are counted as everywhere. Raises Denial for no such form."""
        fields = await read_form(self._shell, request, None)
        onward, key = _onward(request, fields.get("next", "")), fields.get("key", "").strip()
        try:
            require(await self._shell.keyring.app(request, key), Scope.READ)
        except Denial as denial:
            context = {"fault": f"{denial.detail}.", "next": onward}
            return self._shell.html(request, None, "login.html", context, denial.status, denial.headers)
        response = away(onward)
        self._shell.begin(request, response, key)
        return response

    async def sign_out(self, request: web.Request) -> web.Response:
        """End the session. Raises Denial for a form of another session."""
        who = await self._shell.signed_in(request)
        if who is not None:
            await read_form(self._shell, request, who)
        response = away(f"{base_of(request)}/login")
        self._shell.end(request, response)
        return response


def sign_in_first(request: web.Request) -> web.Response:
    """Where whoever is not signed in goes, to come back here."""
    base = base_of(request)
    wanted = base + request.path_qs.removeprefix(ROOT) if request.method == "GET" else base
    return away(str(URL(f"{base}/login").with_query(next=wanted)) if wanted != base else f"{base}/login")


def _onward(request: web.Request, wanted: str) -> str:
    """A page of the dashboard, whatever was asked for: nobody is led away from here."""
    base = base_of(request)
    is_ours = wanted.startswith((f"{base}/", f"{base}?")) and wanted.isprintable() and "\\" not in wanted
    return wanted if is_ours and len(wanted) <= _LONGEST_NEXT and "/login" not in wanted else base
