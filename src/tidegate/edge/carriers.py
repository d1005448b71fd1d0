"""Plain requests of two kinds, each answered by its own carrier."""

from __future__ import annotations

from aiohttp.http_parser import RawRequestMessage

from tidegate.edge.door.plain import Carrier, Known, Plain
from tidegate.edge.straight_webhooks import StraightWebhooks


class EitherWay:
    """Hands a plain request to whoever takes it, sends first: only heads of theirs are known from before."""

    def __init__(self, sends: Carrier, webhooks: StraightWebhooks) -> None:
        self._sends = sends
        self._webhooks = webhooks

    def takes(self, message: RawRequestMessage) -> bool:
        """Whether one of them answers a request with this head."""
        return self._webhooks.takes(message) or self._sends.takes(message)

    def known(self, head: bytes) -> Known | None:
        """What a head says that is the same, to the byte, as one that was answered before."""
        return self._sends.known(head)

    async def answer(self, plain: Plain) -> tuple[bytes, bool]:
        """The answer, and whether it is the last of its connection. Raises AnotherWay."""
        is_webhook = plain.message is not None and self._webhooks.is_at(plain.message.path)
        return await (self._webhooks if is_webhook else self._sends).answer(plain)
