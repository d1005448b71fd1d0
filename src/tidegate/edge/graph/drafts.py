"""A send between its request and its verdict."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from tidegate.cloudapi.messages import Request
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.graph.send_options import SendOptions
from tidegate.gateway import Message, Route
from tidegate.gateway.message import NO_HEADERS
from tidegate.gateway.wishes import granted
from tidegate.policy.rules import Hold
from tidegate.policy.standing import Standing
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
    def fingerprint(self) -> str:
        """Of method, path and body (hex): tells two requests with one Idempotency-Key apart."""
        return hashlib.sha256(b"POST %b\n%b" % (self.raw_path.partition("?")[0].encode(), self.raw)).hexdigest()

    def __repr__(self) -> str:
        return f"Draft({self.options!r})"


def to_message(draft: Draft, message_id: str, standing: Standing, now_ms: int) -> Message:
    """The gateway's message, received at `now_ms`. Raises Denial for options that contradict it."""
    app, route, request, options, raw_path, _ = draft
    category, wait_ms, holds, delivery = granted(
        standing, route, request, options.category, options.hold, options.delivery
    )
    not_before_ms, expires_at_ms = options.not_before_ms, options.expires_at_ms
    starts_later = not_before_ms > now_ms
    if starts_later:
        if category is None:
            raise _bad_start("is for templates: a free-form message is never kept")
        if options.hold is Hold.REJECT:
            raise _bad_start("asks to keep what Tidegate-Hold: reject asks not to keep")
    # Who may start later may also wait for as long, from then on.
    deadline_ms = (not_before_ms if starts_later else now_ms) + wait_ms if expires_at_ms is None else expires_at_ms
    return Message(
        message_id=message_id,
        app=app.name,
        route=route,
        request=request,
        raw_path=raw_path,
        deadline_ms=deadline_ms,
        deadline_is_ours=expires_at_ms is None and not starts_later,
        category=category,
        hold=holds,
        delivery=delivery,
        not_before_ms=not_before_ms,
        campaign=options.campaign,
        relayed=app.webhook_url is not None,
        headers={"traceparent": options.traceparent} if options.traceparent else NO_HEADERS,
    )


def _bad_start(rule: str) -> Denial:
    return Denial(Kind.BAD_REQUEST, f"header Tidegate-Not-Before: {rule}")
