"""What a trace is told of a message, and how it goes on with it: over the queue, and to Meta."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from tidegate.gateway.answered import Answered
from tidegate.gateway.message import Message
from tidegate.tracing import Span

#: Source: W3C, "Trace Context".
_HEADER: Final = "traceparent"


def parent_of(message: Message) -> str:
    """The span that a message's own is in: its caller's, or, of a queued one, that of its first try; "": none."""
    return message.headers.get(_HEADER, "")


def begun(message: Message, span: Span) -> Message:
    """The message as it goes on within its span, so that its later tries are in the same trace."""
    noted = message.noted()
    span.tell(
        message_id=message.message_id,
        portfolio=message.route.portfolio,
        number_id=message.route.number,
        app=message.app,
        category=noted["category"],
        type=noted["type"],
        template=noted.get("template"),
        campaign=message.campaign,
        queued=message.queued,
        attempt=message.attempt,
    )
    return message if message.queued else replace(message, headers=under(message.headers, span))


def ended(answered: Answered, span: Span) -> None:
    """Tell what became of it."""
    reason = answered.reason
    span.tell(verdict=answered.verdict, reason=reason.value if reason else None)


def under(headers: Mapping[str, str], span: Span) -> Mapping[str, str]:
    """Headers for whoever goes on with what a span is about."""
    traceparent = span.traceparent
    return {**headers, _HEADER: traceparent} if traceparent else headers
