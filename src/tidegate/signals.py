"""Webhooks applied: what users and Meta tell changes messages, places, windows and standing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

import structlog

from tidegate.clock import StoreClock
from tidegate.cloudapi.errors import lookup
from tidegate.cloudapi.events import (
    Event,
    InboundMessage,
    LimitUpdate,
    NumberEvent,
    NumberQualityUpdate,
    StatusUpdate,
    TemplateCategoryUpdate,
    TemplateQualityUpdate,
    TemplateStatusUpdate,
)
from tidegate.cloudapi.messages import RecipientKind, unwrap_opaque
from tidegate.cloudapi.vocabulary import UNLIMITED, MessageStatus, Quality, TemplateStatus
from tidegate.cloudapi.webhooks import read_envelope
from tidegate.ids import MessageIds
from tidegate.metrics import Metrics
from tidegate.policy.identity import Identity
from tidegate.policy.lifecycle import FROM_STATUS, RANK
from tidegate.policy.standing import Change, Standing
from tidegate.store.ledger import Inbound, Ledger, Status
from tidegate.store.messages import Messages
from tidegate.store.standings import Standings

#: Throughput of an upgraded number (Meta, "Throughput").
HIGH_THROUGHPUT: Final = 1_000

log = structlog.get_logger()


class Signals:
    """Applies webhook events. What it returned from is stored and in force on every node."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        standings: Standings,
        messages: Messages,
        identity: Identity,
        ids: MessageIds,
        clock: StoreClock,
        metrics: Metrics,
        portfolio_of_number: Mapping[str, str],
        portfolio_of_waba: Mapping[str, str],
        number_of_display: Mapping[str, str],
        settle_ms: int,
    ) -> None:
        """`settle_ms`: after a change that tightens, how long sends that were admitted before it may still start."""
        self._ledger = ledger
        self._standings = standings
        self._messages = messages
        self._identity = identity
        self._ids = ids
        self._clock = clock
        self._metrics = metrics
        self._portfolio_of_number = portfolio_of_number
        self._portfolio_of_waba = portfolio_of_waba
        self._number_of_display = number_of_display
        self._settle_ms = settle_ms
        #: Called with the portfolio, and the reasons for which held messages may now go, when sends may be due.
        self.on_change: Callable[[str, Sequence[str]], None] = lambda portfolio, reasons: None

    async def receive(self, raw: bytes) -> None:
        """Apply every event of a verified webhook body.

        Raises BadWebhook for what is not JSON, StoreUnavailable when it could not be kept: Meta sends it again, and
        what was applied already changes nothing the second time.
        """
        events = read_envelope(raw)
        personal = [event for event in events if isinstance(event, InboundMessage | StatusUpdate)]
        await asyncio.gather(*(self._apply_personal(event) for event in personal))
        for event in events:
            self._metrics.applied(event)
            if not isinstance(event, InboundMessage | StatusUpdate):
                await self._apply_standing(event)

    async def restand(self, portfolio: str, changes: Sequence[Change]) -> None:
        """Write changes of standing; on return no send that they forbid can start, on any node."""
        _, applied = await self._standings.change(portfolio, changes)
        if any(applied) and any(change.tightens for change in changes):
            # Sends admitted under the old epoch start within this span, or not at all.
            await asyncio.sleep(self._settle_ms / 1000)
        self.on_change(portfolio, ("template_paused", "paused_by_operator", "number_standing", "messaging_limit"))

    async def _apply_personal(self, event: InboundMessage | StatusUpdate) -> None:
        if isinstance(event, StatusUpdate):
            await self._apply_status(event)
        elif event.opens_window and event.number_id in self._portfolio_of_number:
            await self._open_windows(event)

    async def _open_windows(self, event: InboundMessage) -> None:
        portfolio = self._portfolio_of_number[event.number_id]
        known_as = ((RecipientKind.PHONE, event.phone), (RecipientKind.BSUID, event.user_id))
        for kind, user in known_as:
            if user is not None:
                recipient = self._identity.of(kind, user)
                await self._ledger.open_window(Inbound(portfolio, recipient, event.number_id, event.at_ms))
        self.on_change(portfolio, ())

    async def _apply_status(self, event: StatusUpdate) -> None:
        found = await self._message_of(event)
        if found is None:
            return
        portfolio, message_id = found
        state = FROM_STATUS[event.status.value]
        codes = [error.code for error in event.errors]
        cause = " ".join(["Meta's webhook", *map(str, codes)])
        status = Status(
            portfolio,
            message_id,
            state.value,
            RANK[state],
            event.at_ms,
            cause,
            _says(event, codes),
            event.wamid,
        )
        refreshed = await self._ledger.refresh(status)
        if refreshed.freed:
            self.on_change(portfolio, ())

    async def _message_of(self, event: StatusUpdate) -> tuple[str, str] | None:
        """Portfolio and gateway id of the message that a status speaks of; None when it is none of ours."""
        wrapped = unwrap_opaque(event.opaque) if event.opaque else None
        if wrapped is not None and wrapped[1] == self._identity.seal(wrapped[0]):
            portfolio = self._ids.portfolio(wrapped[0])
            return (portfolio, wrapped[0]) if portfolio else None
        portfolio = self._portfolio_of_number.get(event.number_id)
        if portfolio is None:
            return None
        message_id = await self._messages.id_of_wamid(portfolio, event.wamid)
        return (portfolio, message_id) if message_id else None

    async def _apply_standing(self, event: Event) -> None:
        waba = getattr(event, "waba_id", None)
        portfolio = self._portfolio_of_waba.get(waba) if waba else None
        if portfolio is None:
            return
        standing = await self._standings.current(portfolio)
        changes = self._changes(event, standing, self._clock.now_ms())
        if changes:
            await self.restand(portfolio, changes)
            log.info("standing_changed", portfolio=portfolio, by=type(event).__name__)

    def _changes(self, event: Event, standing: Standing, now_ms: int) -> list[Change]:
        match event:
            case LimitUpdate(_, limit, at_ms):
                return [_limit_change(limit, standing, at_ms or now_ms, "business_capability_update")]
            case TemplateStatusUpdate():
                return [_template_status_change(event, now_ms)]
            case TemplateQualityUpdate(quality=quality):
                worse = quality is Quality.RED
                return [_template_change(event, {"quality": quality.value}, now_ms, "quality", tightens=worse)]
            case TemplateCategoryUpdate(category=category):
                return [_template_change(event, {"category": category.value}, now_ms, "category", tightens=True)]
            case NumberQualityUpdate():
                return self._number_changes(event, standing, now_ms)
            case _:
                return []

    def _number_changes(self, event: NumberQualityUpdate, standing: Standing, now_ms: int) -> list[Change]:
        cause, at_ms = f"phone_number_quality_update {event.event.value}", event.at_ms or now_ms
        number = self._number_of_display.get(event.display_phone_number or "")
        if event.event is NumberEvent.THROUGHPUT_UPGRADE and number:
            return [Change("number", number, {"throughput": HIGH_THROUGHPUT}, "webhook", at_ms, cause)]
        if event.event in (NumberEvent.UPGRADE, NumberEvent.DOWNGRADE) and event.limit is not None:
            return [_limit_change(event.limit, standing, at_ms, cause)]
        return []


def _says(event: StatusUpdate, codes: Sequence[int]) -> Literal["counts", "frees", "keeps"]:
    """What a status proves of the place: a delivery counts, a failure frees it unless the code leaves doubt."""
    if event.status in (MessageStatus.DELIVERED, MessageStatus.READ, MessageStatus.PLAYED):
        return "counts"
    if event.status is MessageStatus.FAILED and codes and all(lookup(code).releases_place for code in codes):
        return "frees"
    return "keeps"


def _limit_change(limit: int, standing: Standing, at_ms: int, cause: str) -> Change:
    lower = limit != UNLIMITED and (standing.limit == UNLIMITED or limit < standing.limit)
    return Change("limit", "", {"limit": limit}, "webhook", at_ms, cause, tightens=lower)


def _template_status_change(event: TemplateStatusUpdate, now_ms: int) -> Change:
    sendable = event.event.sendable
    status = TemplateStatus.APPROVED if sendable else event.event
    values: dict[str, str] = {"status": status.value, "template_id": event.template_id}
    if event.category is not None:
        values["category"] = event.category.value
    return _template_change(event, values, now_ms, event.event.value, tightens=not sendable)


def _template_change(
    event: TemplateStatusUpdate | TemplateQualityUpdate | TemplateCategoryUpdate,
    values: Mapping[str, str],
    now_ms: int,
    cause: str,
    *,
    tightens: bool,
) -> Change:
    key = f"{event.waba_id}:{event.language}:{event.name}"
    return Change("template", key, dict(values), "webhook", event.at_ms or now_ms, f"template {cause}", tightens)
