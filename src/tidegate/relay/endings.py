"""What was promised and ended unsent, told to its app as Meta tells of a failure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson
import structlog

from tidegate.cloudapi.updates import failed_status
from tidegate.errors import StoreUnavailable
from tidegate.policy.lifecycle import State
from tidegate.policy.verdict import Reason
from tidegate.relay.intake import Intake
from tidegate.relay.subscribers import Subscribers
from tidegate.store.messages import MessageRecord, Messages
from tidegate.store.relay_traces import RelayTraces
from tidegate.store.relays import Parcel, Relays

_AT_ONCE: Final = 100
_DAY_MS: Final = 86_400_000
#: The states in which a message that was promised can have ended unsent.
_UNSENT: Final = frozenset({State.EXPIRED, State.CANCELLED, State.FAILED})

log = structlog.get_logger()


class Endings:
    """Writes reports. Several nodes may: a report is known by its message, and kept once."""

    def __init__(
        self,
        subscribers: Subscribers,
        relays: Relays,
        traces: RelayTraces,
        messages: Messages,
        intake: Intake,
        display_numbers: Mapping[str, str],
    ) -> None:
        """`display_numbers`: as Meta shows them, by phone_number_id."""
        self._subscribers = subscribers
        self._relays = relays
        self._traces = traces
        self._messages = messages
        self._intake = intake
        self._display_numbers = display_numbers

    async def report(self, portfolio: str) -> bool:
        """Have what ended told; whether there is more. Raises StoreUnavailable."""
        ended = await self._relays.ended(portfolio, _AT_ONCE)
        for message_id, at_ms in ended:
            try:
                record = await self._messages.find(portfolio, message_id)
                if record is not None and record.state in _UNSENT:
                    await self._tell(record, at_ms)
            except StoreUnavailable:
                raise
            except Exception as fault:
                # It would be the first of the next look again, and those behind it would never be told.
                log.error("ending_unreadable", message_id=message_id, fault=type(fault).__name__)
        if ended:
            await self._relays.told(portfolio, [message_id for message_id, _ in ended])
        return len(ended) == _AT_ONCE

    async def _tell(self, record: MessageRecord, at_ms: int) -> None:
        await self._intake.keep(await self._parcels(record, at_ms))
        again = await self._messages.find(record.portfolio, record.message_id)
        if "to" in record.about and again is not None and "to" not in again.about:
            # Erased since it was read. An erasure takes the message first: from here on it finds what is kept.
            told = [(one.app, one.name, one.body) for _, one in await self._parcels(again, at_ms)]
            await self._traces.rewrite(record.portfolio, told)

    async def _parcels(self, record: MessageRecord, at_ms: int) -> list[tuple[str, Parcel]]:
        about, message_id = record.about, record.message_id
        recipient = await self._messages.recipient(message_id, about)
        is_phone = recipient is not None and recipient.isascii() and recipient.isdecimal()
        parcels = []
        for subscriber in self._subscribers.of(about.get("app")):
            phone, user_id = (recipient, None) if is_phone else (None, recipient)
            line = await self._intake.line(record.portfolio, phone, user_id) or f"number:{about.get('number', '')}"
            number = about.get("number", "")
            code, details = _cause(record)
            body = failed_status(
                waba_id=about.get("waba", ""),
                number_id=number,
                display_phone_number=self._display_numbers.get(number, ""),
                message_id=message_id,
                recipient=recipient,
                at_ms=at_ms,
                code=code,
                details=details,
                opaque=await self._messages.opaque(message_id, about),
            )
            told = orjson.dumps(["ended", message_id])
            name = self._relays.name(told, subscriber.app)
            parcels.append((record.portfolio, Parcel(subscriber.app, name, line, at_ms // _DAY_MS, "statuses", body)))
        return parcels


def _cause(record: MessageRecord) -> tuple[int, str]:
    """The code and the words for why a message ended: its reason's code, else the one that Meta answered with."""
    cause = record.history[-1].cause if record.history else ""
    details = f"{cause} (rule {record.reason})" if record.reason else cause
    if record.reason in tuple(Reason):
        return Reason(record.reason).code, details
    codes = (int(word) for word in cause.split() if word.isascii() and word.isdecimal())
    return next(codes, Reason.EXPIRED.code), details
