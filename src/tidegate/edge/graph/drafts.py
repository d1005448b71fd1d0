"""A send between its request and its verdict."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from tidegate.cloudapi.messages import Request
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.graph.send_options import SendOptions
from tidegate.edge.services import Services
from tidegate.gateway import Message, Route
from tidegate.policy.rules import Hold
from tidegate.settings.tables import App


class Draft(NamedTuple):
    """A send that was read from a request and has not been judged. `raw`: its body, as it came."""

    app: App
    route: Route
    request: Request
    options: SendOptions
    raw_path: str
    raw: bytes

    @property
    def fingerprint(self) -> bytes:
        """Of method, path and body: tells two requests with one Idempotency-Key apart."""
        digest = hashlib.sha256(f"POST {self.raw_path.partition('?')[0]}\n".encode())
        digest.update(self.raw)
        return digest.digest()

    def __repr__(self) -> str:
        return f"Draft({self.options!r})"


async def to_message(draft: Draft, message_id: str, services: Services) -> Message:
    """The gateway's message. Raises Denial for options that contradict it, StoreUnavailable."""
    options, request, gateway = draft.options, draft.request, services.gateway
    category = await gateway.category(draft.route, request, options.category)
    deadline_ms = gateway.deadline_ms(draft.route, category, options.expires_at_ms)
    wait_ms = options.not_before_ms - services.clock.now_ms()
    if wait_ms > 0:
        if category is None:
            raise _bad_start("is for templates: a free-form message is never kept")
        if options.hold is Hold.REJECT:
            raise _bad_start("asks to keep what Tidegate-Hold: reject asks not to keep")
        if options.expires_at_ms is None:
            deadline_ms += wait_ms
    return Message(
        message_id=message_id,
        app=draft.app.name,
        route=draft.route,
        request=request,
        raw_path=draft.raw_path,
        deadline_ms=deadline_ms,
        deadline_is_ours=options.expires_at_ms is None and wait_ms <= 0,
        category=category,
        hold=gateway.holds(draft.route, category, options.hold),
        delivery=gateway.delivery(draft.route, category, options.delivery),
        not_before_ms=options.not_before_ms,
        campaign=options.campaign,
        relayed=draft.app.webhook_url is not None,
        headers={"traceparent": options.traceparent} if options.traceparent else {},
    )


def _bad_start(rule: str) -> Denial:
    return Denial(Kind.BAD_REQUEST, f"header Tidegate-Not-Before: {rule}")
