"""The guard against messages that come twice: clients repeat by themselves what a gateway before us answered late."""

from __future__ import annotations

from typing import Final

import structlog
from orjson import OPT_SORT_KEYS as SORTED
from orjson import dumps

from tidegate.cloudapi.messages import RecipientKind, Request
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.graph import answers
from tidegate.edge.graph.drafts import Draft
from tidegate.edge.graph.once import Once, SendClaim, Submit
from tidegate.edge.graph.senders import Sender
from tidegate.edge.replies import Reply
from tidegate.edge.services import Services
from tidegate.errors import StoreUnavailable
from tidegate.policy.identity import AMBIGUOUS, canonical_phone
from tidegate.policy.rules import Mode
from tidegate.store.idempotency import Entry, Mine, Other, Running

#: So long the second waits for the first one's answer: as long as Meta may take for it.
_PATIENCE_MS: Final = 12_000
_LOOK_EVERY_MS: Final = 100
#: Asked for at each send, as a name of this module.
_PHONE: Final = RecipientKind.PHONE

log = structlog.get_logger()


class DuplicateGuard:
    """Gives the answer of a message again to the same one: same app, number, user and body, within the rule's span."""

    def __init__(self, once: Once, services: Services) -> None:
        self._once = once
        self._services = services
        self._seal = services.seal

    def claim(self, sender: Sender, request: Request, message_id: str, within_ms: int) -> SendClaim:
        """That it is the first of its kind within this span, as most are: what it claims as it is admitted."""
        user = request.recipient
        if user.startswith(AMBIGUOUS) and request.kind is _PHONE:
            user = canonical_phone(user)
        # Nothing of how it was written or which version of the API was named; and whatever names the user in the body:
        # here one name does.
        same = {**request.body, "to": user, "recipient": None, "recipient_type": None}
        name = self._seal.name(sender.begins[request.kind] + dumps(same, None, SORTED))
        entry = Entry(sender.portfolio, f"{sender.name}:same-{name}", "", message_id, within_ms)
        return SendClaim(request, self._services, entry=entry)

    async def found(self, entry: Entry, draft: Draft, mode: Mode, submit: Submit) -> Reply:
        """The first one's answer, or this one's where it turns out to be the first. Raises Denial while that runs."""
        message_id = entry.message_id
        try:
            found = await self._first(entry, draft, mode)
        except StoreUnavailable:
            return answers.unavailable(message_id)
        if isinstance(found, Mine):
            return await self._once.carried_out(entry, draft, submit, only_success=True)
        self._services.metrics.duplicate(mode.value)
        if mode is Mode.SHADOW:
            sender = draft.sender
            log.info("duplicate_in_shadow", message_id=message_id, app=sender.name, number=sender.route.number)
            return await submit(draft, message_id, self._services.clock.now_ms())
        if isinstance(found, Reply):
            return found.with_headers({"Tidegate-Duplicate-Of": found.headers["Tidegate-Id"]})
        raise Denial(
            Kind.CONFLICT, "the same message was sent a moment ago, and is still running", headers={"Retry-After": "1"}
        )

    async def _first(self, entry: Entry, draft: Draft, mode: Mode) -> Reply | Mine | Running | Other:
        clock, began_ms = self._services.clock, self._services.clock.monotonic_ms()
        while True:
            try:
                found = await self._once.first(entry, draft)
            except StoreUnavailable:
                self._once.let_go(entry, draft.sender.portfolio)
                raise
            patient = mode is Mode.ENFORCE and clock.monotonic_ms() - began_ms < _PATIENCE_MS
            if not isinstance(found, Running) or not patient:
                return found
            await clock.sleep_until(clock.now_ms() + _LOOK_EVERY_MS)
