"""What can be done on the dashboard: stop, and start again. The control plane's own handlers do it, and audit it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tidegate.edge.calls import Call
from tidegate.edge.control.books import accept
from tidegate.edge.control.breakers import close
from tidegate.edge.control.pauses import SCOPES, pause, resume
from tidegate.edge.dashboard import campaign
from tidegate.edge.denials import Denial, Kind
from tidegate.settings.tables import Scope

Do = Callable[[Call, Mapping[str, str]], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Action:
    """A form's target: its path below `/dashboard`, who may, and what is done, which tells the page to go on to."""

    path: str
    scopes: tuple[Scope, ...]
    do: Do


async def _pause(call: Call, fields: Mapping[str, str]) -> str:
    scope = fields.get("scope", "")
    if scope not in SCOPES:
        raise Denial(Kind.BAD_REQUEST, f"scope: has to be one of {', '.join(SCOPES)}")
    order: dict[str, Any] = {"scope": {scope: fields.get("value", "").strip()}, "reason": fields.get("reason")}
    if "for" in fields:
        order["for"] = fields["for"].strip()
    await pause(call, order)
    return ""


async def _resume(call: Call, fields: Mapping[str, str]) -> str:
    await resume(call, call.path("pause"), fields.get("reason"))
    return ""


async def _close(call: Call, fields: Mapping[str, str]) -> str:
    await close(call, fields)
    return ""


async def _accept(call: Call, fields: Mapping[str, str]) -> str:
    await accept(call, fields)
    return ""


_ADMIN: Final = (Scope.ADMIN,)
#: A campaign is moved by its own app too; which campaigns and which ways, the campaign's handlers know.
_CAMPAIGNS: Final = (Scope.SEND, Scope.ADMIN, Scope.ONCALL)

ACTIONS: Final = (
    Action("/pauses", (Scope.ADMIN, Scope.ONCALL), _pause),
    Action("/pauses/{pause}/end", _ADMIN, _resume),
    Action("/breakers/close", _ADMIN, _close),
    Action("/books/accept", _ADMIN, _accept),
    Action("/campaigns/{campaign}/{verb}", _CAMPAIGNS, campaign.move),
)
