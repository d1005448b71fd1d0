"""What changed in a portfolio's standing, and when: the history that `restand` and `swing` write, read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import orjson

from tidegate.store.faults import store_faults
from tidegate.store.keys import PortfolioKeys
from tidegate.store.outcome_counts import OutcomeCounts
from tidegate.store.scripts import StoreClient

_PAGE: Final = 250


@dataclass(frozen=True, slots=True)
class StandingEvent:
    """One field that changed.

    `kind` and `key` name the record, as in `policy.standing.Change`; or they are `breaker` and its id. `at_ms` is when
    it was written by the store's time, `since_ms` when it became true by its source. `before` is None where nothing
    was known.
    """

    at_ms: int
    since_ms: int
    kind: str
    key: str
    field: str
    source: str
    before: Any
    after: Any
    cause: str


class StandingHistory:
    """Reads the histories of all portfolios of this store. Raises StoreUnavailable."""

    def __init__(self, client: StoreClient, portfolios: Iterable[str]) -> None:
        self._client = client
        self._keys = {portfolio: PortfolioKeys(portfolio) for portfolio in portfolios}
        #: What was sent meanwhile, and what became of it.
        self.sent: Final = OutcomeCounts(client, self._keys)

    async def since(
        self, portfolio: str, from_ms: int, most: int, wanted: Callable[[StandingEvent], bool] | None = None
    ) -> tuple[list[StandingEvent], bool]:
        """The changes since a time, newest first, and whether there are more than `most`.

        With `wanted` only those of them that it picks out. They are read a few at a time, so others get the loop.
        """
        found: list[StandingEvent] = []
        seen, last = 0, "+"
        while True:
            with store_faults:
                page = await self._page(portfolio, last)
            for entry_id, fields in page:
                event = read_event(fields)
                if event.at_ms < from_ms:
                    return found, False
                if seen == most:
                    return found, True
                seen += 1
                if wanted is None or wanted(event):
                    found.append(event)
                last = f"({entry_id.decode()}"
            if len(page) < _PAGE:
                return found, False

    async def _page(self, portfolio: str, last: str) -> list[tuple[bytes, dict[bytes, bytes]]]:
        # The library's types allow for decoded text and for entries that were deleted: there are none of either.
        page: Any = await self._client.xrevrange(self._keys[portfolio].history, last, "-", count=_PAGE)
        return list(page)


def read_event(fields: dict[bytes, bytes]) -> StandingEvent:
    """One entry of the history's stream."""
    kind, _, key = fields[b"record"].decode().partition(":")
    name, _, source = fields[b"field"].decode().partition("@")
    before = fields.get(b"from")
    return StandingEvent(
        at_ms=int(fields[b"at"]),
        since_ms=int(fields[b"since"]),
        kind=kind,
        key=key,
        field=name,
        source=source,
        before=orjson.loads(before) if before else None,
        after=orjson.loads(fields[b"to"]),
        cause=fields[b"cause"].decode(),
    )
