"""`POST /{phone_number_id}/messages` and `/marketing_messages`: from the request to the gateway and back."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final

import orjson
import structlog
from aiohttp import web

from tidegate.cloudapi.messages import BadMessage, ReadReceipt, Request, parse_send
from tidegate.cloudapi.quotes import PLACES, quoted
from tidegate.edge.denials import Denial, Kind, draining
from tidegate.edge.door.bodies import form_text, form_to_json, is_form, read_body, refuse_encoded
from tidegate.edge.door.in_hand import InHand
from tidegate.edge.door.keyring import Keyring, bearer, require
from tidegate.edge.door.plain import AnotherWay
from tidegate.edge.door.strangers import Strangers
from tidegate.edge.door.turnstile import Turnstile, Turnstiles
from tidegate.edge.grants import Grants
from tidegate.edge.graph import answers
from tidegate.edge.graph.arrivals import Arrival
from tidegate.edge.graph.drafts import Draft, Kinds, message_of, to_message
from tidegate.edge.graph.duplicates import DuplicateGuard
from tidegate.edge.graph.fates import fate
from tidegate.edge.graph.once import Once
from tidegate.edge.graph.passthrough import Passthrough
from tidegate.edge.graph.quota import Quota
from tidegate.edge.graph.quotes import Quotes
from tidegate.edge.graph.send_options import read_options
from tidegate.edge.graph_paths import Target, credential, path_of_send, scrubbed
from tidegate.edge.replies import Reply
from tidegate.edge.services import Services
from tidegate.errors import StoreUnavailable
from tidegate.gateway import Forwarded, Held, Refused, Route, Unavailable, Unclaimed
from tidegate.policy.decide import PLACE_REASONS
from tidegate.policy.verdict import Reason
from tidegate.settings.tables import App, Scope

#: Said of a message whose app has no place left.
_NOTHING_LEFT: Final = PLACE_REASONS | {Reason.LIMIT_SHARE}

#: Names in a body for which it is looked into: they hold other messages' ids, or a key where none belongs.
_LOOKED_INTO: Final = PLACES | {"access_token"}

#: Asked for at each send, as a name of this module.
_SEND: Final = Scope.SEND

log = structlog.get_logger()


class Sends:
    """Takes sends. What is wrong with the request is raised as Denial, what is wrong with the message is answered."""

    def __init__(
        self,
        services: Services,
        keyring: Keyring,
        grants: Grants,
        quota: Quota,
        passthrough: Passthrough,
        turnstiles: Turnstiles,
        strangers: Strangers,
        in_hand: InHand,
    ) -> None:
        self._services = services
        self._gateway = services.gateway
        self._keyring = keyring
        self._app_of = keyring.app_at_once
        self._grants = grants
        self._quota = quota
        self._passthrough = passthrough
        self._turnstiles = turnstiles
        self._strangers = strangers
        self._in_hand = in_hand
        self._ending = services.ending
        self._clock = services.clock
        self._ids = services.ids
        self._standings = services.standings
        self._standing = services.standings.read
        self._quotes = Quotes(services, grants)
        self._kinds = Kinds()
        self._once = Once(services.idempotency, services)
        self._duplicates = DuplicateGuard(self._once, services)

    async def handle(self, arrival: Arrival, target: Target) -> Reply | web.StreamResponse:
        """Answer one POST. Raises Denial, and AnotherWay for a read receipt that came without its request."""
        self._in_hand.enter()
        own: Turnstile | None = None
        message_id, portfolio = "", ""
        # Most go through this one coroutine: each costs its time once more with everything that is waited for.
        try:
            clock, known, raw = self._clock, arrival.known, arrival.body
            at_ms = clock.monotonic_ms()
            now_ms = clock.at_ms(at_ms)
            app = self._app_of(known.key_hash, at_ms, now_ms) if known is not None and not self._ending.drains else None
            if app is None:
                app, raw = await self._authenticated(arrival, target)
                now_ms = clock.now_ms()
            if _SEND not in app.scopes:
                # Says so.
                require(app, _SEND)
            own = self._turnstiles.enter(app)
            route = self._grants.route(app, target.object_id)
            if route is None:
                raise Denial(Kind.NOT_FOUND)
            portfolio = route.portfolio
            message_id = self._ids.new(portfolio, now_ms)
            message = parse_send(raw) if raw is not None and arrival.request is None else None
            if type(message) is not Request or not _LOOKED_INTO.isdisjoint(message.body):
                found, raw = await self._looked_into(arrival, target, app, route, message, raw)
                if not isinstance(found, Request):
                    return found
                message, now_ms = found, clock.now_ms()
            options = (known.options if known is not None else None) or read_options(arrival.headers, now_ms)
            raw_path = known.raw_path if known is not None else path_of_send(target)
            draft = Draft(app, route, message, options, raw_path, raw or b"")
            try:
                asks_more = options.dry_run or options.idempotency_key is not None
                return await (
                    self._asked_for(draft, message_id)
                    if asks_more
                    else self._submit(draft, message_id, now_ms, guarded=True)
                )
            except Exception as fault:
                return await self._fate(fault, draft, message_id)
        except BadMessage as error:
            reply = answers.misread(error, message_id)
            return reply.with_headers(await self._quota.headers(portfolio, None))
        except Denial as denial:
            await self._tell_of(denial, message_id, portfolio)
            raise
        finally:
            if own is not None:
                self._turnstiles.leave(own)
            self._in_hand.leave()

    async def _tell_of(self, denial: Denial, message_id: str, portfolio: str) -> None:
        headers = denial.headers
        if message_id:
            headers["Tidegate-Id"] = message_id
            # What has just broken is not asked again.
            is_fault = denial.kind in (Kind.INTERNAL, Kind.STORE_UNAVAILABLE)
            headers.update(await self._quota.headers(portfolio, None, read=not is_fault))
        headers["Tidegate-Verdict"] = "reject"
        headers.setdefault("Tidegate-Reason", denial.kind.value)

    async def _looked_into(
        self,
        arrival: Arrival,
        target: Target,
        app: App,
        route: Route,
        message: Request | ReadReceipt | None,
        raw: bytes | None,
    ) -> tuple[Request | web.StreamResponse, bytes]:
        """What is sent by a request whose body is not here yet, or has to be looked into, and that body, as it came.

        A read receipt is answered.
        """
        if arrival.request is not None:
            # What came without its request is known to be neither compressed nor a form.
            refuse_encoded(arrival)
        if raw is None:
            raw = await read_body(_whole(arrival))
        body = raw
        if message is None:
            body = _as_json(arrival, raw)
            message = parse_send(body)
        if quoted(message.body):
            message, body = await self._requoted(message, body, app, route)
        if isinstance(message, ReadReceipt):
            return await self._passthrough.forward_receipt(_whole(arrival), target, route, body), raw
        if "access_token" in message.body:
            raise BadMessage(100, "access_token: belongs in the Authorization header")
        return message, raw

    async def _requoted(
        self, message: Request | ReadReceipt, body: bytes, app: App, route: Route
    ) -> tuple[Request | ReadReceipt, bytes]:
        told = await self._quotes.resolved(message.body, app, route.portfolio)
        return (message, body) if told is message.body else (message.with_body(told), orjson.dumps(told))

    async def _authenticated(self, arrival: Arrival, target: Target) -> tuple[App, bytes | None]:
        """The caller, and the body where it is here already, or had to be read to know.

        Raises Denial for none that is known, and while the node drains.
        """
        if self._ending.drains:
            raise draining()
        if arrival.known is not None:
            known = await self._keyring.app_of_hash(arrival.known.key_hash)
            if known is None:
                # Whoever has a key that opens nothing any more is told so, and counted.
                raise AnotherWay
            return known, arrival.body
        key = bearer(arrival.headers.getall("Authorization", [])) or credential(target.query)
        if key is not None or "Authorization" in arrival.headers or not is_form(arrival):
            return await self._keyring.app(arrival, key), arrival.body
        raw = arrival.body
        if raw is None:
            raw = await self._strangers.read(_whole(arrival))
        return await self._keyring.app(arrival, credential(raw.decode("ascii", "replace"))), raw

    def _asked_for(self, draft: Draft, message_id: str) -> Coroutine[Any, Any, Reply]:
        """The answer to a send whose caller asks for more than that it goes."""
        if draft.options.dry_run:
            return self._with_quota(draft, self._explain(draft, message_id))
        # A caller who says which requests are one knows it better than their content does.
        return self._with_quota(draft, self._once.answer(draft, message_id, self._submit))

    async def _submit(self, draft: Draft, message_id: str, now_ms: int, *, guarded: bool = False) -> Reply:
        """Carry a send out; of a `guarded` one, unless the same message went before: then its answer is given."""
        portfolio, claim = draft.route.portfolio, None
        try:
            standing = self._standing(portfolio) or await self._standings.current(portfolio)
        except StoreUnavailable:
            return answers.unavailable(message_id)
        kind = self._kinds.of(draft, standing)
        rule = kind.duplicates if guarded else None
        if rule is not None:
            claim = self._duplicates.claim(draft, message_id, rule)
        message = message_of(draft, message_id, kind.granted, now_ms, claim)
        try:
            answered = await self._gateway.submit(message)
        except Unclaimed:
            if claim is None or rule is None:
                raise
            return await self._with_quota(draft, self._duplicates.found(claim.entry, draft, rule.mode, self._submit))
        if type(answered) is Forwarded:
            reply, full = answers.forwarded(answered) if claim is None else claim.reply_to(answered), False
        else:
            reply = answers.render(answered, draft.request, self._clock.now_ms())
            full = isinstance(answered, Held | Refused) and answered.reason in _NOTHING_LEFT
        if claim is not None and not claim.is_answered:
            await self._once.conclude(claim.entry, draft, reply, only_success=True)
        quota = self._quota.at_once(portfolio, message.category, full=full)
        if quota is None:
            # Who was kept waiting by a store that does not answer is not made to wait for it again.
            read = not isinstance(answered, Unavailable)
            quota = await self._quota.headers(portfolio, message.category, full=full, read=read)
        return reply.with_headers(quota)

    async def _fate(self, fault: Exception, draft: Draft, message_id: str) -> Reply:
        """The answer where a fault of ours cut it short: nobody may be told to send it again who may have been heard.

        Raises Denial where nobody was, and what is no fault of ours as it is.
        """
        if isinstance(fault, Denial | BadMessage | ConnectionError):
            raise fault
        log.error("send_failed", message_id=message_id, exc_info=fault)
        portfolio = draft.route.portfolio
        try:
            state = await self._services.idempotency.bury(portfolio, message_id)
            found = await self._services.messages.find(portfolio, message_id) if state else None
        except StoreUnavailable:
            raise Denial(Kind.INTERNAL) from None
        told = fate(found, draft.request, self._clock.now_ms()) if found else None
        if told is None:
            raise Denial(Kind.INTERNAL)
        return told

    async def _with_quota(self, draft: Draft, telling: Coroutine[Any, Any, Reply]) -> Reply:
        """An answer that may be given again, with the numbers of this moment; of a fault, with those that are known."""
        reply = await telling
        is_fault = reply.status == 503
        if "RateLimit" in reply.headers or not (is_fault or "Idempotency-Replayed" in reply.headers):
            return reply
        try:
            category = await self._gateway.category(draft.route, draft.request, draft.options.category)
        except StoreUnavailable:
            return reply
        # Who was kept waiting by a store that does not answer is not made to wait for it again.
        return reply.with_headers(await self._quota.headers(draft.route.portfolio, category, read=not is_fault))

    async def _explain(self, draft: Draft, message_id: str) -> Reply:
        try:
            standing = await self._standings.current(draft.route.portfolio)
            message = to_message(draft, message_id, standing, self._clock.now_ms())
            explanation = await self._gateway.explain(message)
        except StoreUnavailable:
            return answers.unavailable(message_id)
        reply = answers.dry_run(explanation, message_id)
        return reply.with_headers(await self._quota.headers(draft.route.portfolio, message.category))


def _as_json(arrival: Arrival, raw: bytes) -> bytes:
    is_json = arrival.request is None or not is_form(arrival)
    return raw if is_json else form_to_json(scrubbed(form_text(raw)))


def _whole(arrival: Arrival) -> web.Request:
    """Its request. Raises AnotherWay where it came without one."""
    if arrival.request is None:
        raise AnotherWay
    return arrival.request
