"""Webhooks that are answered straight from their connection: most tell of one status, and come by the thousand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiohttp.http_parser import RawRequestMessage

from tidegate.edge.door.answer_bytes import answer_bytes
from tidegate.edge.door.doorway import REQUEST_ID, refusal, request_id_of
from tidegate.edge.door.origins import without_prefix
from tidegate.edge.door.plain import Known, Plain, is_plain_post
from tidegate.edge.replies import Reply
from tidegate.edge.webhook import SIGNATURE, SMALL, Webhook

PATH: Final = "/webhooks/whatsapp"


class StraightWebhooks:
    """Answers small ones, as the bytes to be written; what is large or slow goes the way of all other requests."""

    def __init__(self, webhook: Webhook, closing: Callable[[], bool], prefix: str | None) -> None:
        """`prefix`: is taken off the path, where it begins with it."""
        self._webhook = webhook
        self._closing = closing
        self._prefix = prefix

    def takes(self, message: RawRequestMessage) -> bool:
        """Whether a request with this head is a small webhook."""
        return self.is_at(message.path) and is_plain_post(message, SMALL)

    def is_at(self, path: str) -> bool:
        """Whether webhooks are posted to this path."""
        return path == PATH or (self._prefix is not None and without_prefix(path, self._prefix) == PATH)

    def known(self, _head: bytes) -> Known | None:
        """None: no two are the same, for each has its own signature."""
        return None

    async def answer(self, plain: Plain) -> tuple[bytes, bool]:
        """The answer to one of these, and whether it is the last of its connection."""
        assert plain.message is not None
        headers = plain.message.headers
        request_id = request_id_of(headers.get(REQUEST_ID, ""))
        try:
            reply = Reply(await self._webhook.take(plain.body, headers.getall(SIGNATURE, ())), {}, b"")
        except Exception as fault:
            reply = refusal(fault, "POST", PATH, request_id)
        closes = self._closing()
        return answer_bytes(reply, request_id, closes=closes), closes
