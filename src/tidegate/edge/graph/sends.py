"""`POST /{phone_number_id}/messages` and `/marketing_messages`: from the request to the gateway and back."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final, NoReturn

import orjson
from aiohttp import web
from msgspec.structs import replace

from tidegate.cloudapi.messages import BadMessage, ReadReceipt, Request, parse_send
from tidegate.cloudapi.quotes import PLACES, quoted
from tidegate.edge.denials import Denial, Kind, draining
from tidegate.edge.door.bodies import form_text, form_to_json, is_form, read_body, refuse_encoded
from tidegate.edge.door.in_hand import InHand
from tidegate.edge.door.keyring import Keyring, bearer, require
from tidegate.edge.door.plain import AnotherWay
from tidegate.edge.door.strangers import Strangers
from tidegate.edge.door.turnstile import AppTurnstile, Turnstiles
from tidegate.edge.grants import Grants
from tidegate.edge.graph import answers
from tidegate.edge.graph.arrivals import Arrival, SendHead
from tidegate.edge.graph.drafts import Draft, message_of, to_message
from tidegate.edge.graph.duplicates import DuplicateGuard
from tidegate.edge.graph.once import Once
from tidegate.edge.graph.passthrough import Passthrough
from tidegate.edge.graph.quota import Quota
from tidegate.edge.graph.quotes import Quotes
from tidegate.edge.graph.send_options import read_options
from tidegate.edge.graph.senders import Kinds, Sender, SendKind
from tidegate.edge.graph.telling import Telling
from tidegate.edge.graph_paths import SENDING_EDGES, Target, credential, scrubbed
from tidegate.edge.replies import Reply
from tidegate.edge.services import Services
from tidegate.errors import StoreUnavailable
from tidegate.gateway import Unclaimed
from tidegate.settings.tables import Scope

#: Names in a body for which it is looked into: they hold other messages' ids, or a key where none belongs.
_LOOKED_INTO: Final = PLACES | {"access_token"}


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
        self._gateway = services.gateway
        self._keyring = keyring
        self._keys = services.keys
        self._passthrough = passthrough
        self._strangers = strangers
        self._in_hand = in_hand
        self._ending = services.ending
        self._clock = services.clock
        self._ids = services.ids
        self._standings = services.standings
        self._standing = services.standings.read
        self._quotes = Quotes(services, grants)
        self._once = Once(services.idempotency, services)
        self._duplicates = DuplicateGuard(self._once, services)
        self._telling = Telling(services, quota, self._once)
        self._apps = {app.name: app for app in services.settings.apps}
        kinds = {portfolio: Kinds() for portfolio in services.standings.portfolios}
        #: Who may send, and the turnstile of the app; by its name and the place.
        self._senders = {
            (app.name, f"{route.number}/{edge}"): (Sender(app, route, kinds[route.portfolio], edge), turnstiles.of(app))
            for app in services.settings.apps
            if Scope.SEND in app.scopes
            for route in grants.routes(app)
            for edge in SENDING_EDGES
        }

    async def handle(
        self, head: SendHead, raw: bytes, remote: str | None, whole: web.Request | None = None
    ) -> Reply | web.StreamResponse:
        """Answer one POST: its body is here, `raw`, unless all of it is there to be read from, `whole`.

        Raises Denial, and AnotherWay for a read receipt that came without its request.
        """
        own: AppTurnstile | None = None
        message_id, portfolio = "", ""
        # Most go through this one coroutine: each costs its time once more with everything that is waited for.
        try:
            clock = self._clock
            at_ms = clock.monotonic_s() * 1000
            now_ms = clock.at_ms(at_ms)
            name = None if self._ending.drains else self._keys.found(head.key_hash, at_ms, now_ms)
            if name is None:
                with self._in_hand:
                    name, raw = await self._authenticated(head, raw, remote, whole)
                at_ms, now_ms = self._moment()
            try:
                sender, turnstile = self._senders[name, head.place]
            except KeyError:
                self._refuse(name)
            turnstile.enter()
            own, portfolio = turnstile, sender.portfolio
            message_id = self._ids.new(portfolio, now_ms)
            request = parse_send(raw) if whole is None else None
            if type(request) is not Request or not _LOOKED_INTO.isdisjoint(request.body):
                read, raw = await self._looked_into(head.target, raw, whole, sender, request)
                if not isinstance(read, Request):
                    return read
                request, (at_ms, now_ms) = read, self._moment()
            options, raw_path = head.options or read_options(head.headers, now_ms), head.raw_path
            if options.dry_run or options.idempotency_key is not None:
                return await self._asked_for(Draft(sender, request, options, raw_path, raw), message_id)
            kind: SendKind | None = None
            try:
                standing = self._standing(portfolio)
                if standing is None:
                    standing = await self._standings.current(portfolio)
                    at_ms, now_ms = self._moment()
                kind = sender.kind_of(request, options, standing)
                within_ms = kind.same_within_ms
                claim = self._duplicates.claim(sender, request, message_id, within_ms) if within_ms else None
                message = message_of(sender, request, options, raw_path, message_id, kind, now_ms, claim)
                request.let_body_go()
                answered = await self._gateway.submit(message, at_ms, now_ms)
                told = self._telling.at_once(portfolio, kind.category, standing, claim, answered)
                return told or await self._telling.of(portfolio, request, kind.category, claim, answered)
            except Exception as fault:
                return await self._otherwise(fault, Draft(sender, request, options, raw_path, raw), message_id, kind)
        except (BadMessage, Denial) as no:
            return await self._telling.of_no(no, message_id, portfolio)
        finally:
            if own is not None:
                own.leave()

    def _moment(self) -> tuple[float, int]:
        """It, after whatever was waited for: by this node's time (`monotonic_ms`), and by the store's."""
        at_ms = self._clock.monotonic_ms()
        return at_ms, self._clock.at_ms(at_ms)

    def _refuse(self, name: str) -> NoReturn:
        """Raises Denial for an app of this name that may not send, or not by this number."""
        require(self._apps[name], Scope.SEND)
        raise Denial(Kind.NOT_FOUND)

    async def _looked_into(
        self,
        target: Target,
        raw: bytes,
        whole: web.Request | None,
        sender: Sender,
        message: Request | ReadReceipt | None,
    ) -> tuple[Request | web.StreamResponse, bytes]:
        """What is sent by a request whose body is not here yet, or has to be looked into, and that body, as it came.

        A read receipt is answered.
        """
        if whole is not None:
            # What came without its request is known to be neither compressed nor a form.
            refuse_encoded(whole)
            raw = raw or await read_body(whole)
        body = raw
        if message is None:
            body = raw if whole is None or not is_form(whole) else form_to_json(scrubbed(form_text(raw)))
            message = parse_send(body)
        if quoted(message.body):
            message, body = await self._requoted(message, body, sender)
        if isinstance(message, ReadReceipt):
            return await self._passthrough.forward_receipt(_needed(whole), target, sender.route, body), raw
        if "access_token" in message.body:
            raise BadMessage(100, "access_token: belongs in the Authorization header")
        return message, raw

    async def _requoted(
        self, message: Request | ReadReceipt, body: bytes, sender: Sender
    ) -> tuple[Request | ReadReceipt, bytes]:
        told = await self._quotes.resolved(message.body, sender.app, sender.portfolio)
        return (message, body) if told is message.body else (message.with_body(told), orjson.dumps(told))

    async def _authenticated(
        self, head: SendHead, raw: bytes, remote: str | None, whole: web.Request | None
    ) -> tuple[str, bytes]:
        """The caller's name, and the body where it is here already, or had to be read to know.

        Raises Denial for none that is known, and while the node drains.
        """
        if self._ending.drains:
            raise draining()
        if head.key_hash:
            known = await self._keyring.app_of_hash(head.key_hash)
            if known is None:
                # Whoever has a key that opens nothing any more is told so, and counted.
                raise AnotherWay
            return known.name, raw
        arrival = Arrival(head.headers, remote)
        key = bearer(head.headers.getall("Authorization", [])) or credential(head.target.query)
        if key is not None or "Authorization" in head.headers or not is_form(arrival):
            return (await self._keyring.app(arrival, key)).name, raw
        raw = raw or await self._strangers.read(_needed(whole))
        return (await self._keyring.app(arrival, credential(raw.decode("ascii", "replace")))).name, raw

    def _asked_for(self, draft: Draft, message_id: str) -> Coroutine[Any, Any, Reply]:
        """The answer to a send whose caller asks for more than that it goes."""
        if draft.options.dry_run:
            telling = self._telling.dry_run(draft, message_id)
        else:
            # A caller who says which requests are one knows it better than their content does.
            telling = self._once.answer(draft, message_id, self._submit)
        return self._telling.of_earlier(draft, message_id, telling)

    async def _submit(self, draft: Draft, message_id: str, now_ms: int) -> Reply:
        """Carry out a send of which the store has told before whether it is the first of its kind."""
        portfolio = draft.sender.portfolio
        try:
            standing = self._standing(portfolio) or await self._standings.current(portfolio)
        except StoreUnavailable:
            return answers.unavailable(message_id)
        message = replace(to_message(draft, message_id, standing, now_ms), is_claimed=True)
        answered = await self._gateway.submit(message)
        told = self._telling.at_once(portfolio, message.category, standing, None, answered)
        return told or await self._telling.of(portfolio, draft.request, message.category, None, answered)

    async def _otherwise(self, fault: Exception, draft: Draft, message_id: str, kind: SendKind | None) -> Reply:
        """The answer to a send that is not the first of its kind, or that a fault cut short."""
        if kind is None and isinstance(fault, StoreUnavailable):
            # Nothing was asked for it yet.
            return answers.unavailable(message_id)
        rule = kind.duplicates if kind is not None else None
        if rule is None or not isinstance(fault, Unclaimed):
            return await self._telling.of_fault(fault, draft, message_id)
        entry = self._duplicates.claim(draft.sender, draft.request, message_id, rule.within_ms).entry
        found = self._duplicates.found(entry, draft, rule.mode, self._submit)
        return await self._telling.of_earlier(draft, message_id, found)


def _needed(whole: web.Request | None) -> web.Request:
    """Raises AnotherWay where there is none."""
    if whole is None:
        raise AnotherWay
    return whole
