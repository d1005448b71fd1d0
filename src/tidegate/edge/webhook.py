"""`/webhooks/whatsapp`: Meta's handshake, and its events. Source: Meta, "Create a webhook endpoint"."""

from __future__ import annotations

import hmac
import re
from typing import Final

import structlog
from aiohttp import web

from tidegate.cloudapi.events import Unrecognised
from tidegate.cloudapi.webhooks import BadWebhook, verify_signature
from tidegate.edge.bodies import read_body
from tidegate.edge.denials import Denial
from tidegate.edge.services import Services
from tidegate.errors import StoreUnavailable

#: Meta: "payloads up to 3 MB".
MOST: Final = 3 * 1024 * 1024
DEADLINE_S: Final = 10.0
_CHALLENGE: Final = re.compile(r"[0-9A-Za-z_-]{1,128}")
_SIGNATURE: Final = "X-Hub-Signature-256"

log = structlog.get_logger()


class Webhook:
    """Answers Meta with a status and nothing else: whoever is not Meta learns nothing."""

    def __init__(self, services: Services) -> None:
        self._credentials = services.credentials
        self._signals = services.signals
        self._relay = services.relay
        self._metrics = services.metrics

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
        status = await self._receive(request)
        self._metrics.webhook(status)
        response = web.Response(status=status)
        if status in (408, 413):
            response.force_close()
        return response

    async def _receive(self, request: web.Request) -> int:
        try:
            raw = await read_body(request, MOST, DEADLINE_S)
        except Denial as denial:
            return denial.status
        given = request.headers.getall(_SIGNATURE, [])
        # Over the bytes as they came, before anything reads them.
        if len(given) != 1 or not verify_signature(raw, given[0], self._credentials.app_secrets):
            return 401
        try:
            await self._signals.receive(raw)
            await self._relay.receive(raw)
        except StoreUnavailable:
            return 503
        except BadWebhook:
            # Signed, so Meta's, and never going to be JSON: a refusal would be repeated for seven days.
            self._metrics.applied(Unrecognised("body"))
            log.warning("webhook_not_json", size=len(raw))
        return 200
