"""Plain requests of two kinds, each answered by its own carrier."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from aiohttp.http_parser import RawRequestMessage

from tidegate.edge.door.plain import Answered, Carrier, Known, Plain
from tidegate.edge.graph.known_heads import KnownHead
from tidegate.edge.straight_webhooks import StraightWebhooks
from tidegate.edge.webhook_heads import WebhookHead


class EitherWay:
    """Hands a plain request to whoever takes it."""

    def __init__(self, sends: Carrier, webhooks: StraightWebhooks) -> None:
        self._sends = sends
        self._webhooks = webhooks
        self._webhooks_begin = webhooks.beginnings

    def takes(self, message: RawRequestMessage) -> bool:
        """Whether one of them answers a request with this head."""
        return self._webhooks.takes(message) or self._sends.takes(message)

    def known(self, head: bytes) -> Known | None:
        """What a head says that is the same, to the byte, as one that was answered before."""
        return (self._webhooks if head.startswith(self._webhooks_begin) else self._sends).known(head)

    def begin(self, plain: Plain, answered: Answered) -> bool:
        """Whether it answers by calling `answered`."""
        return self._of(plain).begin(plain, answered)

    def answer(self, plain: Plain) -> Coroutine[Any, Any, tuple[bytes, bool]]:
        """The answer, and whether it is the last of its connection. Raises AnotherWay."""
        # Most are sends whose head is known.
        return (self._sends if type(plain.known) is KnownHead else self._of(plain)).answer(plain)

    def _of(self, plain: Plain) -> Carrier:
        if plain.message is not None:
            return self._webhooks if self._webhooks.is_at(plain.message.path) else self._sends
        return self._webhooks if isinstance(plain.known, WebhookHead) else self._sends
