"""Which message of ours a status speaks of."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from tidegate.cloudapi.messages import unwrap_opaque
from tidegate.ids import MessageIds
from tidegate.policy.identity import Identity
from tidegate.store.messages import Messages

#: Callback data that was looked at lately, by what it proved to be: some 200 bytes each.
_REMEMBERED: Final = 20_000


class Whose:
    """Finds messages by what their statuses carry: the callback data that we gave them, else Meta's id."""

    __slots__ = ("_identity", "_ids", "_messages", "owner")

    def __init__(self, messages: Messages, identity: Identity, ids: MessageIds) -> None:
        self._messages = messages
        self._identity = identity
        self._ids = ids
        #: Portfolio and id of the message in callback data that is proven ours, the portfolio "" where it is none of
        #: this gateway's; None for anybody else's. Each comes several times.
        self.owner: Final[Callable[[str | None], tuple[str, str] | None]] = lru_cache(_REMEMBERED)(self._owner)

    def _owner(self, opaque: str | None) -> tuple[str, str] | None:
        wrapped = unwrap_opaque(opaque) if opaque else None
        if wrapped is None or wrapped[1] != self._identity.seal(wrapped[0]):
            return None
        return self._ids.portfolio(wrapped[0]) or "", wrapped[0]

    async def message_of(self, opaque: str | None, wamid: str, portfolio: str | None) -> tuple[str, str] | None:
        """Portfolio and gateway id of the message; None when it is none of ours. Raises StoreUnavailable.

        `portfolio`: of the number that the status came for, where that is ours.
        """
        owner = self.owner(opaque)
        if owner is not None:
            named, claimed = owner
            return (named, claimed) if named else None
        if portfolio is None:
            return None
        message_id = await self._messages.id_of_wamid(portfolio, wamid)
        return (portfolio, message_id) if message_id else None
