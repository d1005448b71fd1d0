"""Webhooks that are answered straight from their connection: most tell of one status, and come by the thousand."""

from __future__ import annotations

from collections.abc import Coroutine
from functools import partial
from time import time  # noqa: TID251 - a Date is of the wall clock
from typing import Any, Final

from aiohttp.http_parser import RawRequestMessage

from tidegate.edge.door.answer_bytes import answer_bytes
from tidegate.edge.door.doorway import REQUEST_ID, refusal
from tidegate.edge.door.origins import without_prefix
from tidegate.edge.door.plain import Answered, Plain, is_plain_post
from tidegate.edge.door.request_ids import given_id, new_id
from tidegate.edge.replies import Reply
from tidegate.edge.webhook import SIGNATURE, SMALL, Webhook
from tidegate.edge.webhook_heads import WebhookHead, WebhookHeads
from tidegate.ending import Ending

PATH: Final = "/webhooks/whatsapp"
#: Stands where the id of a request will.
_ITS_ID: Final = "its-id"


class StraightWebhooks:
    """Answers small ones, as the bytes to be written; what is large or slow goes the way of all other requests."""

    def __init__(self, webhook: Webhook, ending: Ending, prefix: str | None) -> None:
        """`prefix`: is taken off the path, where it begins with it."""
        self._webhook = webhook
        self._metrics = webhook.metrics
        self._ending = ending
        self._prefix = prefix
        heads = WebhookHeads((PATH, f"{prefix or ''}{PATH}"), SMALL)
        self._learn: Final = heads.learn
        self.begins: Final = webhook.begins
        #: What a head says that is, but for its signature and the like, the same as one of Meta's before.
        self.known: Final = heads.find
        #: That a body is kept, as it is answered in this second (the wall clock's).
        self._at_s = 0
        self._before = self._behind = ""

    def takes(self, message: RawRequestMessage) -> bool:
        """Whether a request with this head is a small webhook."""
        return self.is_at(message.path) and is_plain_post(message, SMALL)

    def is_at(self, path: str) -> bool:
        """Whether webhooks are posted to this path."""
        return path == PATH or (self._prefix is not None and without_prefix(path, self._prefix) == PATH)

    def read(self, message: RawRequestMessage) -> WebhookHead:
        """What the head of one says that was parsed."""
        headers = message.headers
        signatures = headers.getall(SIGNATURE, ())
        signature = signatures[0] if len(signatures) == 1 else ""
        return WebhookHead(int(headers["Content-Length"]), signature, given_id(headers.get(REQUEST_ID, "")))

    def begin(self, plain: Plain[WebhookHead], answered: Answered) -> bool:
        """Whether it answers by calling `answered`: to one that tells of a few statuses, and to what is not Meta's."""
        return self._webhook.begin(plain.body, plain.head.signature, partial(self._told, plain, answered))

    def answer(self, head: WebhookHead, body: bytes, _remote: str | None) -> Coroutine[Any, Any, int]:
        """The status that one of these comes to."""
        return self._webhook.take(body, (head.signature,))

    def tell(self, plain: Plain[WebhookHead], outcome: object, answered: Answered) -> None:
        """Answer one that came to this, or ended in this fault, by calling `answered`."""
        assert isinstance(outcome, int | Exception)
        answered(*self._written(outcome, plain))

    def _told(self, plain: Plain[WebhookHead], answered: Answered, fault: Exception | None) -> None:
        if fault is not None:
            return answered(*self._written(self._webhook.outcome(fault), plain))
        self._metrics.webhook(200)
        if plain.raw_head or self._ending.closes:
            return answered(*self._written(200, plain))
        at_s = int(time())
        if at_s != self._at_s:
            self._at_s, kept = at_s, answer_bytes(Reply(200, {}, b""), _ITS_ID, False).decode()
            self._before, _, self._behind = kept.partition(_ITS_ID)
        answered(f"{self._before}{plain.head.request_id or new_id()}{self._behind}".encode(), False)

    def _written(self, outcome: int | Exception, plain: Plain[WebhookHead]) -> tuple[bytes, bool]:
        request_id = plain.head.request_id or new_id()
        if isinstance(outcome, Exception):
            reply = refusal(outcome, "POST", PATH, request_id)
        else:
            reply = Reply(outcome, {}, b"")
            if outcome == 200 and plain.raw_head:
                # Nobody but Meta has any of theirs remembered.
                self._learn(plain.raw_head)
        closes = self._ending.closes
        return answer_bytes(reply, request_id, closes), closes
