"""A denial as a page: what is wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from tidegate.edge.dashboard.shell import Shell, SignedIn
from tidegate.edge.denials import Denial, Kind

_TITLES: Final[Mapping[Kind, str]] = {
    Kind.NOT_FOUND: "There is nothing here",
    Kind.FORBIDDEN: "This key may not do that",
    Kind.CONFLICT: "It is too late for that",
    Kind.STORE_UNAVAILABLE: "The store is unreachable",
    Kind.INTERNAL: "Something failed here",
}
_REMEDIES: Final[Mapping[Kind, str]] = {
    Kind.FORBIDDEN: "Sign in with a key of an app that has the scope for it.",
    Kind.STORE_UNAVAILABLE: "Nothing was changed. Look after the store first (runbook: the store is away), then "
    "load this page again.",
    Kind.INTERNAL: "The log has the place of it, under the request id of this answer.",
}


def fault_page(shell: Shell, request: web.Request, who: SignedIn | None, denial: Denial) -> web.Response:
    """The denial as HTML, with its own status."""
    title = _TITLES.get(denial.kind, "That did not work")
    context = {"title": title, "detail": plain(denial) or title, "remedy": _REMEDIES.get(denial.kind, "")}
    return shell.html(request, who, "fault.html", context, denial.status, denial.headers)


def plain(denial: Denial) -> str:
    """What a denial says, for somebody who has filled in a form and knows of no body."""
    return denial.detail.removeprefix("body ").removeprefix("query ")
