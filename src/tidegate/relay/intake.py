"""Webhooks taken for the apps that they concern: cut apart, rewritten, and kept before Meta gets its 200."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Any, Final, TypeVar

import structlog

from tidegate.clock import StoreClock
from tidegate.cloudapi.messages import RecipientKind
from tidegate.cloudapi.updates import Update, status_to_relay, update_to_relay, updates
from tidegate.errors import StoreUnavailable
from tidegate.metrics import Metrics
from tidegate.policy.identity import Identity
from tidegate.relay.subscribers import Subscriber, Subscribers
from tidegate.signals import Whose
from tidegate.store.batch import Batch
from tidegate.store.messages import MessageRecord, Messages
from tidegate.store.relays import Parcel, Relays, Room
from tidegate.store.users import Users

Item = TypeVar("Item")

#: The address at which an app reads a file that lies at one of Meta's, given that, the app and the account; None where
#: that is not one of a file.
FileAddress = Callable[[str, str, str], str | None]

_DAY_MS: Final = 86_400_000
#: Updates that are looked up side by side, and kept in one call.
_TOGETHER: Final = 16

log = structlog.get_logger()


class Intake:
    """Takes webhooks. What `receive` returned from is kept for every app that it concerns."""

    def __init__(
        self,
        *,
        subscribers: Subscribers,
        relays: Relays,
        messages: Messages,
        users: Users,
        whose: Whose,
        identity: Identity,
        clock: StoreClock,
        metrics: Metrics,
        room: Room,
        file_address: FileAddress | None,
    ) -> None:
        """`room`: for one app; beyond that webhooks are left out, and counted. `file_address`: None leaves Meta's."""
        self._subscribers = subscribers
        self._relays = relays
        self._messages = messages
        self._users = users
        self._whose = whose
        self._identity = identity
        self._clock = clock
        self._metrics = metrics
        self._room = room
        self._file_address = file_address
        self._keeping: Batch[list[tuple[str, Parcel]], None] = Batch(self._keep_together, _TOGETHER)
        #: Set when the body before is being kept.
        self._before = asyncio.Event()
        self._before.set()
        #: Called with portfolio and app when something is due for it.
        self.on_change: Callable[[str, str], None] = lambda portfolio, app: None

    async def receive(self, envelope: Any) -> None:
        """Keep every update of a verified body for whom it concerns. Raises StoreUnavailable.

        Called again with the same updates it keeps what was not kept before.
        """
        if not self._subscribers.all:
            return
        # A user's updates are to be kept in the order in which they came; nothing may be awaited before this is noted.
        before, kept = self._before, asyncio.Event()
        self._before = kept
        try:
            parts = _parts(updates(envelope))
            part = next(parts, [])
            while part:
                prepared = await asyncio.gather(*(self._prepared(update) for update in part))
                part = next(parts, [])
                await before.wait()
                keeping = asyncio.gather(self._keeping([place for places in prepared for place in places]))
                if not part:
                    # The body after this one may share the trip: it comes behind in it.
                    kept.set()
                await keeping
        finally:
            kept.set()

    async def _keep_together(self, bodies: list[list[tuple[str, Parcel]]]) -> list[None]:
        await self.keep(chain.from_iterable(bodies))
        return [None] * len(bodies)

    async def _prepared(self, update: Update) -> list[tuple[str, Parcel]]:
        """Its parcels; none where a fault of ours keeps it from being told, which takes no other with it."""
        try:
            return await self._parcels(update)
        except StoreUnavailable:
            raise
        except Exception as fault:
            self._metrics.not_applied(update)
            # What kind, and not what: its words may be the user's.
            log.error("webhook_not_relayed", kind=update.kind, fault=type(fault).__name__)
            return []

    async def keep(self, placed: Iterable[tuple[str, Parcel]]) -> None:
        """Keep parcels, each under its portfolio. Raises StoreUnavailable."""
        by_portfolio: defaultdict[str, list[Parcel]] = defaultdict(list)
        for portfolio, parcel in placed:
            by_portfolio[portfolio].append(parcel)
        for portfolio, parcels in by_portfolio.items():
            kept = await self._relays.take(portfolio, parcels, self._room)
            for parcel, taken in zip(parcels, kept, strict=True):
                if taken.dropped:
                    self._metrics.relayed(parcel.app, "dropped", taken.dropped)
                    log.error("dead_webhooks_dropped", app=parcel.app, portfolio=portfolio, count=taken.dropped)
                if taken.is_new is None:
                    self._metrics.relayed(parcel.app, "left_out")
                    log.error("webhook_left_out", app=parcel.app, portfolio=portfolio, kind=parcel.kind)
                elif taken.is_new:
                    self.on_change(portfolio, parcel.app)

    async def _parcels(self, update: Update) -> list[tuple[str, Parcel]]:
        portfolio = self._portfolio(update)
        if portfolio is None:
            return []
        if update.wamid is not None:
            return await self._of_status(update, portfolio, update.wamid)
        concerned = self._concerned(update)
        answered = await self._answered(update, portfolio) if concerned else None
        line = await self._line(update, portfolio) if concerned else ""
        parcels = []
        for subscriber in concerned:
            is_its_own = answered is not None and answered.about.get("app") == subscriber.app
            own_id = answered.message_id if answered and is_its_own and answered.is_known_by_our_id else None
            body = update_to_relay(update, own_id, self._addresses(update, subscriber))
            parcels.append((portfolio, self._parcel(subscriber, update, line, body)))
        return parcels

    def _addresses(self, update: Update, subscriber: Subscriber) -> Callable[[str], str | None] | None:
        """Where an app reads what Meta has at an address; None where Meta's are to stay."""
        address = self._file_address
        if address is None or update.waba_id not in subscriber.wabas:
            return None
        return lambda url: address(url, subscriber.app, update.waba_id)

    def _portfolio(self, update: Update) -> str | None:
        if update.number_id is not None:
            return self._subscribers.portfolio_of_number.get(update.number_id)
        return self._subscribers.portfolio_of_waba.get(update.waba_id)

    def _concerned(self, update: Update) -> tuple[Subscriber, ...]:
        if update.number_id is not None:
            return self._subscribers.of_number(update.number_id)
        return self._subscribers.of_waba(update.waba_id)

    async def _of_status(self, update: Update, portfolio: str, wamid: str) -> list[tuple[str, Parcel]]:
        """A status is its sender's alone. Of a message that was sent past this gateway there is none here."""
        found = await self._whose.message_of(update.opaque, wamid, portfolio)
        record = await self._messages.find(*found) if found else None
        if record is None or "app" not in record.about:
            concerned = self._concerned(update)
            if found is not None and len(concerned) != 1:
                # Proven ours, and whose is forgotten: it must not go to an app that did not send it.
                concerned = ()
            line = await self._line(update, portfolio) if concerned else ""
            body = update_to_relay(update) if found is None else status_to_relay(update, None, None)
            return [(portfolio, self._parcel(one, update, line, body)) for one in concerned]
        concerned = self._subscribers.of(record.about["app"])
        if not concerned:
            return []
        own_id = record.message_id if record.is_known_by_our_id else None
        opaque = await self._messages.opaque(record.message_id, record.about)
        body = status_to_relay(update, own_id, opaque)
        # Which id its sender is given may not be known yet: it is looked up again when it goes.
        open_id = record.message_id if own_id is None else ""
        line = await self._line(update, portfolio)
        return [(record.portfolio, self._parcel(concerned[0], update, line, body, open_id))]

    async def _answered(self, update: Update, portfolio: str) -> MessageRecord | None:
        """The message of ours that a user answers."""
        wamid = update.answers_to
        message_id = await self._messages.id_of_wamid(portfolio, wamid) if wamid else None
        return await self._messages.find(portfolio, message_id) if message_id else None

    async def _line(self, update: Update, portfolio: str) -> str:
        return await self.line(portfolio, update.phone, update.user_id) or (
            f"number:{update.number_id}" if update.number_id else f"waba:{update.waba_id}"
        )

    async def line(self, portfolio: str, phone: str | None, user_id: str | None) -> str:
        """What stands for a user, whichever name is given; empty for none. Raises StoreUnavailable."""
        if phone is None and user_id is None:
            return ""
        kind, name = (RecipientKind.PHONE, phone) if phone else (RecipientKind.BSUID, user_id or "")
        known, _ = await self._users.resolve(portfolio, self._identity.of(kind, name))
        return known.hex()

    def _parcel(self, subscriber: Subscriber, update: Update, line: str, body: bytes, message_id: str = "") -> Parcel:
        at_ms = min(update.at_ms or 0, self._clock.now_ms() + _DAY_MS)
        return Parcel(
            app=subscriber.app,
            name=self._relays.name(update.named, subscriber.app),
            line=line,
            day=at_ms // _DAY_MS,
            kind=update.kind,
            body=body,
            message_id=message_id,
        )


def _parts(items: Iterator[Item]) -> Iterator[list[Item]]:
    while part := list(islice(items, _TOGETHER)):
        yield part
