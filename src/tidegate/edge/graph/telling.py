"""What became of a send, told to its caller: the answer, and what its portfolio has left at this moment."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final

import structlog

from tidegate.cloudapi.messages import BadMessage, Request
from tidegate.cloudapi.vocabulary import Category
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.graph import answers
from tidegate.edge.graph.drafts import Draft, to_message
from tidegate.edge.graph.fates import fate
from tidegate.edge.graph.once import Once, SendClaim
from tidegate.edge.graph.quota import Quota
from tidegate.edge.replies import Reply
from tidegate.edge.services import Services
from tidegate.errors import StoreUnavailable
from tidegate.gateway import Answered, Forwarded, Held, Refused, Unavailable
from tidegate.policy.decide import PLACE_REASONS
from tidegate.policy.standing import Standing
from tidegate.policy.verdict import Reason

#: Said of a message whose app has no place left.
_NOTHING_LEFT: Final = PLACE_REASONS | {Reason.LIMIT_SHARE}
#: What has just broken is not asked again.
_FAULTS: Final = (Kind.INTERNAL, Kind.STORE_UNAVAILABLE)

log = structlog.get_logger()


class Telling:
    """Tells it. Whoever was kept waiting by a store that does not answer is not made to wait for it again."""

    def __init__(self, services: Services, quota: Quota, once: Once) -> None:
        self._services = services
        self._gateway = services.gateway
        self._clock = services.clock
        self._quota = quota
        self._once = once

    def at_once(
        self,
        portfolio: str,
        category: Category | None,
        standing: Standing,
        claim: SendClaim | None,
        answered: Answered,
    ) -> Reply | None:
        """The same as `of` where nobody has to be asked for anything, as for most that Meta answered; else None.

        `standing`: the one that it was sent under.
        """
        if type(answered) is not Forwarded or (claim is not None and not claim.is_answered):
            return None
        quota = self._quota.at_once(portfolio, category, standing)
        if quota is None:
            return None
        reply = answers.forwarded(answered)
        if claim is not None:
            # It is kept with the outcome, a moment later.
            claim.pack(reply)
        return reply.with_headers(quota)

    async def of(
        self,
        portfolio: str,
        request: Request,
        category: Category | None,
        claim: SendClaim | None,
        answered: Answered,
    ) -> Reply:
        """The answer to a send of which the gateway said this. What it has claimed keeps it, or is given back."""
        if claim is None:
            reply = answers.render(answered, request, self._clock.now_ms())
        else:
            reply = claim.reply_to(answered)
            if not claim.is_answered:
                await self._once.conclude(claim.entry, portfolio, reply, only_success=True)
        full = isinstance(answered, Held | Refused) and answered.reason in _NOTHING_LEFT
        read = not isinstance(answered, Unavailable)
        return reply.with_headers(await self._quota.headers(portfolio, category, full=full, read=read))

    async def of_no(self, fault: BadMessage | Denial, message_id: str, portfolio: str) -> Reply:
        """The answer to a body that is no message; a Denial is raised again, once it says whose it is.

        `message_id`, `portfolio`: empty where it did not come so far.
        """
        if isinstance(fault, BadMessage):
            reply = answers.misread(fault, message_id)
            return reply.with_headers(await self._quota.headers(portfolio, None))
        headers = fault.headers
        if message_id:
            headers["Tidegate-Id"] = message_id
            headers.update(await self._quota.headers(portfolio, None, read=fault.kind not in _FAULTS))
        headers["Tidegate-Verdict"] = "reject"
        headers.setdefault("Tidegate-Reason", fault.kind.value)
        raise fault

    async def of_earlier(self, draft: Draft, message_id: str, telling: Coroutine[Any, Any, Reply]) -> Reply:
        """An answer that may be given again, with the numbers of this moment; of a fault, with those that are known.

        Raises Denial, and what is no fault of ours as it is.
        """
        try:
            reply = await telling
            is_fault = reply.status == 503
            if "RateLimit" in reply.headers or not (is_fault or "Idempotency-Replayed" in reply.headers):
                return reply
            try:
                route, hint = draft.sender.route, draft.options.wishes.category
                category = await self._gateway.category(route, draft.request, hint)
            except StoreUnavailable:
                return reply
            return reply.with_headers(await self._quota.headers(draft.sender.portfolio, category, read=not is_fault))
        except Exception as fault:
            return await self.of_fault(fault, draft, message_id)

    async def of_fault(self, fault: Exception, draft: Draft, message_id: str) -> Reply:
        """The answer where a fault of ours cut it short: nobody may be told to send it again who may have been heard.

        Raises Denial where nobody was, and what is no fault of ours as it is.
        """
        if isinstance(fault, Denial | BadMessage | ConnectionError):
            raise fault
        log.error("send_failed", message_id=message_id, exc_info=fault)
        portfolio = draft.sender.portfolio
        try:
            state = await self._services.idempotency.bury(portfolio, message_id)
            found = await self._services.messages.find(portfolio, message_id) if state else None
        except StoreUnavailable:
            raise Denial(Kind.INTERNAL) from None
        told = fate(found, draft.request, self._clock.now_ms()) if found else None
        if told is None:
            raise Denial(Kind.INTERNAL)
        return told

    async def dry_run(self, draft: Draft, message_id: str) -> Reply:
        """What would become of it; nothing does."""
        try:
            standing = await self._services.standings.current(draft.sender.portfolio)
            message = to_message(draft, message_id, standing, self._clock.now_ms())
            explanation = await self._gateway.explain(message)
        except StoreUnavailable:
            return answers.unavailable(message_id)
        reply = answers.dry_run(explanation, message_id)
        return reply.with_headers(await self._quota.headers(draft.sender.portfolio, message.category))
