"""Messages that a send answers, reacts to or marks as read: the gateway's id of one gives way to Meta's."""

from __future__ import annotations

from typing import Any, Final

from tidegate.cloudapi.messages import BadMessage
from tidegate.cloudapi.quotes import quoted, requoted
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.grants import Grants
from tidegate.edge.services import Services
from tidegate.errors import StoreUnavailable
from tidegate.policy.lifecycle import State
from tidegate.settings.tables import App
from tidegate.store.messages import MessageRecord

#: What Meta says of a message that can't be reacted to ("Reaction messages"): "Parameter value is not valid".
_NO_SUCH_MESSAGE: Final = 131009
_UNSENT: Final = frozenset({State.FAILED, State.EXPIRED, State.CANCELLED})


class Quotes:
    """Puts Meta's ids in the place of the gateway's."""

    __slots__ = ("_grants", "_ids", "_messages")

    def __init__(self, services: Services, grants: Grants) -> None:
        self._ids = services.ids
        self._messages = services.messages
        self._grants = grants

    async def resolved(self, body: dict[str, Any], app: App, portfolio: str) -> dict[str, Any]:
        """A parsed body in which no id is the gateway's; the very one where none was.

        Raises BadMessage where Meta has no id for what is named, or the app may not see it, and Denial while the store
        is away.
        """
        ours = [(path, named) for path, named in quoted(body) if self._ids.is_one(named)]
        if not ours:
            return body
        try:
            return requoted(body, {path: await self._wamid(path, named, app, portfolio) for path, named in ours})
        except StoreUnavailable:
            raise Denial(Kind.STORE_UNAVAILABLE, "the quoted message can't be looked up: nothing was sent") from None

    async def _wamid(self, path: str, message_id: str, app: App, portfolio: str) -> str:
        is_here = self._ids.portfolio(message_id) == portfolio
        record = await self._messages.find(portfolio, message_id) if is_here else None
        if record is None or not self._grants.may_see(app, record.about):
            raise BadMessage(_NO_SUCH_MESSAGE, f"{path}: names no message of this app's")
        if record.wamid is None:
            raise BadMessage(_NO_SUCH_MESSAGE, f"{path}: {_why_not(record)}")
        return record.wamid


def _why_not(record: MessageRecord) -> str:
    if record.taken:
        return "Meta's id of that message can't be read any more"
    if record.state is State.QUEUED:
        return "that message is queued, and Meta has no id for it yet: name it once it is sent"
    if record.state in _UNSENT:
        return f"that message was not sent: it is {record.state.value}"
    return "Meta has not answered for that message, so its id is not known: name it once a status has come"
