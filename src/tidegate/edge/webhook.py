"""`/webhooks/whatsapp`: Meta's handshake, and its events. Source: Meta, "Create a webhook endpoint"."""

from __future__ import annotations

import asyncio
import gc
import hmac
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog
from aiohttp import web

from tidegate.cloudapi.events import Unrecognised
from tidegate.cloudapi.status_bodies import read_statuses_of
from tidegate.cloudapi.webhooks import BadWebhook, few_statuses, read_body, verify_signature
from tidegate.edge.denials import Denial
from tidegate.edge.door.strangers import Strangers
from tidegate.edge.services import Services
from tidegate.errors import StoreUnavailable

#: Meta: "payloads up to 3 MB".
MOST: Final = 3 * 1024 * 1024
DEADLINE_S: Final = 10.0
#: Bodies that are awaited at once, 384 MB at the worst: until the last byte anybody may have sent it.
_AWAITED: Final = 128
#: Bodies of at most this size (bytes) are applied side by side, so many of them; larger ones one at a time.
SMALL: Final = 64 * 1024
_SMALL_AT_ONCE: Final = 256
_CHALLENGE: Final = re.compile(r"[0-9A-Za-z_-]{1,128}")
#: The header that proves a body to be Meta's.
SIGNATURE: Final = "X-Hub-Signature-256"

log = structlog.get_logger()


class NotMetas(Exception):
    """No signature of Meta's proves a body."""


class Webhook:
    """Answers Meta with a status and nothing else: whoever is not Meta learns nothing."""

    def __init__(self, services: Services) -> None:
        self._credentials = services.credentials
        self._signals = services.signals
        self._relay = services.relay
        #: Told of each status that is answered.
        self.metrics: Final = services.metrics
        self._tracing = services.tracing
        #: Whether `begin` may be asked: nobody but the store is told what comes.
        self.begins: Final = not (services.tracing.is_on or services.relay.has_subscribers)
        self._strangers = Strangers(services.metrics, _AWAITED)
        # What JSON is read into takes ten times the memory of its text.
        self._of_large = asyncio.Semaphore(1)
        self._of_small = asyncio.Semaphore(_SMALL_AT_ONCE)

    async def handshake(self, request: web.Request) -> web.Response:
        """Echo the challenge of whoever knows the verify token."""
        query = request.query
        given = query.get("hub.verify_token", "").encode("utf-8", "surrogatepass")
        challenge = query.get("hub.challenge", "")
        known = hmac.compare_digest(given, self._credentials.verify_token)
        if not known or query.get("hub.mode") != "subscribe" or not _CHALLENGE.fullmatch(challenge):
            return web.Response(status=403)
        return web.Response(text=challenge, content_type="text/plain")

    async def receive(self, request: web.Request) -> web.Response:
        """Keep signed events; 200 says that they are durable."""
        try:
            raw = await self._strangers.read(request, MOST, DEADLINE_S)
        except Denial as denial:
            status = denial.status
            self.metrics.webhook(status)
        else:
            status = await self.take(raw, request.headers.getall(SIGNATURE, []))
        response = web.Response(status=status)
        if not request.content.is_eof():
            response.force_close()
        return response

    def begin(self, raw: bytes, signature: str, told: Callable[[Exception | None], None]) -> bool:
        """Whether `told` is called with the fault that kept it from being kept, or None, once this has returned; see
        `outcome`. So it is of a small body that tells of a few statuses and nothing else, and of what is not Meta's;
        all others are for `take`.
        """
        if not verify_signature(raw, signature, self._credentials.app_secrets):
            asyncio.get_running_loop().call_soon(told, NotMetas())
            return True
        statuses = read_statuses_of(raw)
        if statuses is None:
            try:
                statuses = few_statuses(read_body(raw))
            except BadWebhook:
                return False
        if not statuses:
            return False
        self._signals.begin(statuses, told)
        return True

    def outcome(self, fault: Exception) -> int | Exception:
        """The status to answer to one that was begun and ended so; the fault, where that is none of these."""
        if isinstance(fault, NotMetas):
            status = 401
        elif isinstance(fault, StoreUnavailable):
            status = 503
        else:
            return fault
        self.metrics.webhook(status)
        return status

    async def take(self, raw: bytes, signatures: Sequence[str]) -> int:
        """Keep the events of a body that came with these signatures; the status to answer: 200 says that they are
        durable.
        """
        status = await self._take(raw, signatures)
        self.metrics.webhook(status)
        return status

    async def _take(self, raw: bytes, signatures: Sequence[str]) -> int:
        is_small = len(raw) <= SMALL
        if is_small and not self._is_metas(raw, signatures):
            return 401
        try:
            async with self._of_small if is_small else self._of_large:
                # To look at megabytes takes milliseconds: nobody's are looked at together.
                if not is_small and not self._is_metas(raw, signatures):
                    return 401
                with self._tracing.span("webhook"):
                    envelope = read_body(raw) if is_small else await _read_large(raw)
                    with self._tracing.span("apply"):
                        await self._signals.receive(envelope)
                    if self._relay.has_subscribers:
                        with self._tracing.span("relay"):
                            await self._relay.receive(envelope)
        except StoreUnavailable:
            return 503
        except BadWebhook:
            # Signed, so Meta's, and never going to be JSON: a refusal would be repeated for seven days.
            self.metrics.applied(Unrecognised("body"))
            log.warning("webhook_not_json", size=len(raw))
        return 200

    def _is_metas(self, raw: bytes, signatures: Sequence[str]) -> bool:
        """By one signature over the bytes as they came, before anything reads them."""
        return len(signatures) == 1 and verify_signature(raw, signatures[0], self._credentials.app_secrets)


async def _read_large(raw: bytes) -> Any:
    """The JSON of a body, read once for all who look at it. Raises BadWebhook."""
    # JSON holds no cycles: to look for some again and again while it is read takes longer than the reading. The one
    # look at all of it comes when others have had their turn.
    collects = gc.isenabled()
    gc.disable()
    try:
        envelope = read_body(raw)
        await asyncio.sleep(0)
    finally:
        if collects:
            gc.enable()
    return envelope
