"""The guard against messages that come twice: clients repeat by themselves what a gateway before us answered late."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import orjson
import structlog

from tidegate.cloudapi.messages import RecipientKind, Request
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.graph import answers
from tidegate.edge.graph.drafts import Draft, Drafts
from tidegate.edge.graph.once import Once, SendClaim, Submit
from tidegate.edge.replies import Reply
from tidegate.edge.services import Services
from tidegate.errors import StoreUnavailable
from tidegate.gateway import Unclaimed
from tidegate.policy.identity import canonical_phone
from tidegate.policy.rules import Duplicates, Mode
from tidegate.store.idempotency import Entry, Mine, Other, Running

#: So long the second waits for the first one's answer: as long as Meta may take for it.
_PATIENCE_MS: Final = 12_000
_LOOK_EVERY_MS: Final = 100
#: They name the user, who goes by one spelling here.
_NAMES: Final = ("to", "recipient", "recipient_type")
#: Of so many numbers and paths it is known how what is said of their messages begins.
_WAYS: Final = 1_024

log = structlog.get_logger()


class DuplicateGuard:
    """Gives the answer of a message again to the same one: same app, number, user and body, within the rule's span."""

    def __init__(self, once: Once, drafts: Drafts, services: Services) -> None:
        self._once = once
        self._drafts = drafts
        self._services = services
        self._standings = services.standings
        self._gateway = services.gateway
        self._name = services.idempotency.fingerprint

    def concern(self, draft: Draft) -> bool:
        """Whether the rule may speak of this message; False is sure."""
        standing = self._standings.read(draft.route.portfolio)
        return standing is None or self._drafts.duplicates(draft, standing) is not None

    async def answer(self, draft: Draft, message_id: str, submit: Submit) -> Reply:
        """The first one's answer, or this one's where it is the first. Raises Denial while the first is running."""
        portfolio = draft.route.portfolio
        try:
            standing = self._standings.read(portfolio) or await self._standings.current(portfolio)
            rule = self._drafts.duplicates(draft, standing)
        except StoreUnavailable:
            return answers.unavailable(message_id)
        if rule is None:
            return await submit(draft, message_id, None)
        entry = self._entry(draft, message_id, rule)
        if not self._gateway.takes_claims:
            return await self._known(entry, draft, rule, submit)
        try:
            # Most are the first of their kind.
            claim = SendClaim(entry, draft, self._services)
            return await self._once.carried_out(entry, draft, submit, only_success=True, claim=claim)
        except Unclaimed:
            return await self._known(entry, draft, rule, submit)

    async def _known(self, entry: Entry, draft: Draft, rule: Duplicates, submit: Submit) -> Reply:
        """The first one's answer, or this one's where it turns out to be the first."""
        message_id = entry.message_id
        try:
            found = await self._found(entry, draft, rule.mode)
        except StoreUnavailable:
            return answers.unavailable(message_id)
        if isinstance(found, Mine):
            return await self._once.carried_out(entry, draft, submit, only_success=True)
        self._services.metrics.duplicate(rule.mode.value)
        if rule.mode is Mode.SHADOW:
            log.info("duplicate_in_shadow", message_id=message_id, app=draft.app.name, number=draft.route.number)
            return await submit(draft, message_id, None)
        if isinstance(found, Reply):
            return found.with_headers({"Tidegate-Duplicate-Of": found.headers["Tidegate-Id"]})
        raise Denial(
            Kind.CONFLICT, "the same message was sent a moment ago, and is still running", headers={"Retry-After": "1"}
        )

    async def _found(self, entry: Entry, draft: Draft, mode: Mode) -> Reply | Mine | Running | Other:
        clock, began_ms = self._services.clock, self._services.clock.monotonic_ms()
        while True:
            try:
                found = await self._once.first(entry, draft)
            except StoreUnavailable:
                self._once.let_go(entry, draft)
                raise
            patient = mode is Mode.ENFORCE and clock.monotonic_ms() - began_ms < _PATIENCE_MS
            if not isinstance(found, Running) or not patient:
                return found
            await clock.sleep_until(clock.now_ms() + _LOOK_EVERY_MS)

    def _entry(self, draft: Draft, message_id: str, rule: Duplicates) -> Entry:
        name = self._name(_content(draft))
        return Entry(draft.route.portfolio, draft.app.name, f"same-{name}", "", message_id, rule.within_ms)


def _content(draft: Draft) -> bytes:
    """What makes two messages the same: nothing of how they were written or which version of the API was named."""
    request = draft.request
    body = request.body.copy()
    for name in _NAMES:
        body.pop(name, None)
    begin = _begin(draft.app.name, draft.route.number, draft.raw_path, request.kind)
    # No name of a user has anything in it that JSON escapes.
    return b'%b,"%b",%b]' % (begin, _user(request).encode(), orjson.dumps(body, option=orjson.OPT_SORT_KEYS))


@lru_cache(_WAYS)
def _begin(app: str, number: str, raw_path: str, kind: RecipientKind) -> bytes:
    edge = raw_path.partition("?")[0].rpartition("/")[2]
    return orjson.dumps([app, number, edge, kind.value])[:-1]


def _user(request: Request) -> str:
    return canonical_phone(request.recipient) if request.kind is RecipientKind.PHONE else request.recipient
