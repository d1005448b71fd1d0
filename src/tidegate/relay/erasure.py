"""What an erased user leaves in what waits for the apps: how messages to them ended, and nothing else.

An app needs the end of each of its messages, whoever they were for: statuses under the gateway's own id go on, without
the recipient. What the user wrote goes, and so does a status under Meta's id, which is made of the user's number: what
became of such a message is told by `GET /gateway/v1/messages/{id}`.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from tidegate.cloudapi.erased_status import status_id, status_of_nobody
from tidegate.ids import MessageIds
from tidegate.store.relay_traces import RelayTraces, Trace
from tidegate.store.sealing import BrokenSeal

log = structlog.get_logger()


class Erasure:
    """Erases users from what waits for the apps, and from their dead letters."""

    def __init__(self, traces: RelayTraces, ids: MessageIds) -> None:
        self._traces = traces
        self._ids = ids

    async def erase(self, portfolio: str, names: Sequence[bytes]) -> int:
        """Erase a user with these names (16 bytes each); of how many webhooks. Raises StoreUnavailable.

        What a node is delivering at this moment is delivered, once, as it is.
        """
        erased = 0
        async for traces in self._traces.of_user(portfolio, names):
            left = [(trace.app, trace.name, await self._left_of(trace)) for trace in traces]
            erased += await self._traces.rewrite(portfolio, left)
        return erased

    async def _left_of(self, trace: Trace) -> bytes | None:
        if trace.kind != "statuses" or (trace.message_id and trace.given.is_known and not trace.given.is_ours):
            return None
        try:
            body = await self._traces.open(trace)
        except BrokenSeal:
            return None
        message_id = trace.message_id or status_id(body)
        return status_of_nobody(body, message_id) if self._ids.portfolio(message_id) else None
