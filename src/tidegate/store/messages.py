"""The messages' records, read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from tidegate.policy.lifecycle import State
from tidegate.store import message_record
from tidegate.store.faults import store_faults
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient, script
from tidegate.store.sealing import BrokenSeal, Seal

#: So many messages are looked at in one step of an erasure.
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a message's history: what it became, when by the store's time, and why."""

    at_ms: int
    state: str
    cause: str


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """One message as the store has it. `about` is what the gateway noted of it (app, number, category ...)."""

    message_id: str
    portfolio: str
    state: State
    attempt: int
    about: dict[str, str]
    wamid: str | None
    taken: bool
    """Whether Meta gave it an id: `wamid`, unless that can't be read any more."""
    reason: str | None
    until_ms: int | None
    expires_at_ms: int | None
    unresolved_at_ms: int | None
    """When it was told of as unresolved, whatever came of it since."""
    history: tuple[Event, ...]
    is_known_by_our_id: bool = False
    """Whether its sender was answered with the gateway's id, for there was no answer of Meta's to give."""


class Messages:
    """Finds messages by the gateway's id or by Meta's. Raises StoreUnavailable."""

    def __init__(self, client: StoreClient, portfolios: Iterable[str], seal: Seal) -> None:
        self._client = client
        self._seal = seal
        #: The name under which a message is found by Meta's id.
        self.wamid_name: Final[Callable[[str], str]] = seal.wamid_index
        self._keys = {portfolio: PortfolioKeys(portfolio) for portfolio in portfolios}

    async def find(self, portfolio: str, message_id: str) -> MessageRecord | None:
        """The message of this gateway id; None when there is none, or it was forgotten."""
        with store_faults:
            fields = await message_record.read(self._client, self._keys[portfolio].message(message_id))
        if not fields:
            return None
        stored = fields.get(b"wamid", b"").decode()
        wamid = await self._seal.open_wamid(message_id, stored) if stored else None
        return _record(portfolio, message_id, fields, wamid)

    async def id_of_wamid(self, portfolio: str, wamid: str) -> str | None:
        """The gateway id of Meta's id."""
        with store_faults:
            found: Any = await self._client.get(self._keys[portfolio].wamid(self._seal.wamid_index(wamid)))
        return found.decode() if found else None

    async def ids_of_wamids(self, portfolio: str, wamids: Sequence[str]) -> list[str | None]:
        """The same of many of Meta's ids."""
        keys = [self._keys[portfolio].wamid(self._seal.wamid_index(wamid)) for wamid in wamids]
        with store_faults:
            found: Any = await self._client.mget(keys)
        return [id_.decode() if id_ else None for id_ in found]

    async def erase(self, portfolio: str, names: Sequence[bytes]) -> int:
        """Forget what was said in and of all messages of a user with these names; how many there were.

        Looks at every message of the store, a few at a time: it may last seconds where there are millions.
        """
        prefix, keys = self._keys[portfolio].message(""), self._keys[portfolio].all
        ids: list[bytes] = []
        erased = 0
        with store_faults:
            async for key in self._client.scan_iter(match=f"{prefix}*", count=_AT_ONCE):
                ids.append(bytes(key)[len(prefix) :])
                if len(ids) == _AT_ONCE:
                    erased += await script("erase_messages").repeatable(self._client, keys, [len(names), *names, *ids])
                    ids.clear()
        return erased + int(await script("erase_messages").repeatable(self._client, keys, [len(names), *names, *ids]))

    async def sealed_wamid(self, message_id: str, wamid: str) -> str:
        """Meta's id of a message as it is stored."""
        await self._seal.ready()
        return self._seal.close_wamid(message_id, wamid)

    async def opaque(self, message_id: str, about: Mapping[str, str]) -> str | None:
        """The `biz_opaque_callback_data` that a message's own sender gave it; `about` is what was noted of it.

        None when it gave none, or when it can't be read any more: its key was destroyed, or is not known here.
        """
        return await self._opened(message_id, about.get("opaque"))

    async def recipient(self, message_id: str, about: Mapping[str, str]) -> str | None:
        """Digits of the phone, or the id, that a promised message was for; None when that is not known (any more)."""
        return await self._opened(message_id, about.get("to"))

    async def _opened(self, message_id: str, sealed: str | None) -> str | None:
        try:
            return await self._seal.open_word(message_id, sealed) if sealed else None
        except BrokenSeal:
            return None


def _record(portfolio: str, message_id: str, fields: Mapping[Any, Any], wamid: str | None) -> MessageRecord:
    def text(name: bytes) -> str | None:
        return fields.get(name, b"").decode() or None

    def number(name: bytes) -> int | None:
        return int(fields[name]) if fields.get(name) else None

    return MessageRecord(
        message_id=message_id,
        portfolio=portfolio,
        state=State(fields[b"state"].decode()),
        attempt=number(b"attempt") or 0,
        about=orjson.loads(fields.get(b"about") or b"{}"),
        wamid=wamid,
        taken=text(b"wamid") is not None,
        reason=text(b"reason"),
        until_ms=number(b"until"),
        expires_at_ms=number(b"expires"),
        unresolved_at_ms=number(b"unresolved_at"),
        history=tuple(_events(fields.get(b"history", b"").decode())),
        is_known_by_our_id=fields.get(b"given") is not None,
    )


def _events(history: str) -> Iterable[Event]:
    for line in history.splitlines():
        at, _, rest = line.partition(" ")
        state, _, cause = rest.partition(" ")
        yield Event(int(at), state, cause)
