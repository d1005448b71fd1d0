"""Idempotency-Key: one key, one message, one answer (draft-ietf-httpapi-idempotency-key-header)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from tidegate.cloudapi.messages import Request
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.graph import answers
from tidegate.edge.graph.drafts import Draft
from tidegate.edge.graph.fates import fate
from tidegate.edge.idempotency import REPLAYED, digest_of, home_of, packed, unpacked
from tidegate.edge.replies import Reply
from tidegate.edge.services import Services
from tidegate.errors import StoreNotAsked, StoreUnavailable
from tidegate.gateway import Answered, Claim, Forwarded, until_stored
from tidegate.policy.lifecycle import State
from tidegate.policy.verdict import Reason
from tidegate.store.asks import OUTCOME_MS
from tidegate.store.idempotency import Done, Entry, Idempotency, Mine, Other, Running
from tidegate.tasks import spawn

Submit = Callable[[Draft, str, int], Coroutine[Any, Any, Reply]]
"""Carries a draft out under this message id, at this time (the store's)."""

#: A message of which a 503 was told may still be on its way to be taken back: looked at so often, so far apart.
_LOOKS: Final = 100
_LOOK_EVERY_MS: Final = 200


class SendClaim(Claim, gc=False):
    """A claim whose answer was made of what became of its send: whoever answers it need not make it again."""

    request: Request
    services: Services
    #: The answer to what became of it, once somebody has made it.
    reply: Reply | None = None
    #: The same as it is kept, where that is at hand.
    packed: bytes = b""

    def with_answer(self) -> bytes:
        return self.services.idempotency.with_answer(self.entry, self.since_ms, self._as_kept())

    def keep_later(self) -> None:
        entry, services = self.entry, self.services
        spawn(until_stored(lambda: services.idempotency.keep(entry, self._as_kept()), services.clock), "idempotency")

    def pack(self, reply: Reply) -> None:
        """Have this for an answer, as it is kept: what it was made of is needed no longer."""
        try:
            self.packed, self.answered = packed(reply), None
        except TypeError:
            # A header that is no text.
            self.reply = reply

    def _as_kept(self) -> bytes:
        if self.packed:
            return self.packed
        assert self.answered is not None, "it is let go only once it is packed"
        return packed(self.reply_to(self.answered))

    def reply_to(self, answered: Answered) -> Reply:
        """The answer to this, which became of it: the same one, whoever needs it first."""
        reply = self.reply
        if reply is None:
            if type(answered) is Forwarded:
                reply = answers.forwarded(answered)
            else:
                reply = answers.render(answered, self.request, self.services.clock.now_ms())
            self.reply = reply
        return reply


class Once:
    """Carries a send out for the first request with its key, and gives that answer to all others."""

    def __init__(self, store: Idempotency, services: Services) -> None:
        self._store = store
        self._services = services
        #: Portfolio by app.
        self._homes: dict[str, str] = {}

    async def answer(self, draft: Draft, message_id: str, submit: Submit) -> Reply:
        """The answer that belongs to the draft's key. Raises Denial for a conflict."""
        entry = self._entry(draft, message_id)
        try:
            found = await self.first(entry, draft)
        except StoreUnavailable as fault:
            if not isinstance(fault, StoreNotAsked):
                self.let_go(entry, draft.sender.portfolio)
            return answers.unavailable(message_id)
        match found:
            case Other():
                raise Denial(Kind.UNPROCESSABLE, "header Idempotency-Key: was used for another request before")
            case Running():
                raise Denial(
                    Kind.CONFLICT,
                    "header Idempotency-Key: the first request with it is still running",
                    headers={"Retry-After": "1"},
                )
            case Mine():
                return await self.carried_out(entry, draft, submit)
            case Reply():
                return found

    async def first(self, entry: Entry, draft: Draft) -> Reply | Mine | Running | Other:
        """What the first request of an entry came to, or that this one is the first. Raises StoreUnavailable."""
        found = await self._store.claim(entry)
        if isinstance(found, Running) and found.age_ms > OUTCOME_MS:
            told = await self._abandoned(draft, found)
            if told is not None:
                return told.with_headers(REPLAYED)
            found = await self._store.claim(entry, instead_of=found.message_id)
        return unpacked(found.answer).with_headers(REPLAYED) if isinstance(found, Done) else found

    async def carried_out(self, entry: Entry, draft: Draft, submit: Submit, *, only_success: bool = False) -> Reply:
        """Carry out what this request has claimed. `only_success`: a refusal is not kept, the next one asks anew."""
        try:
            reply = await submit(draft, entry.message_id, self._services.clock.now_ms())
        except Denial:
            await self._write(lambda: self._store.free(entry))
            raise
        await self.conclude(entry, draft.sender.portfolio, reply, only_success=only_success)
        return reply

    async def conclude(self, entry: Entry, portfolio: str, reply: Reply, *, only_success: bool) -> None:
        """Keep the answer to what was claimed for a message of this portfolio, or give the claim back."""
        if reply.status == 503 and reply.headers.get("Tidegate-Reason") == Reason.STORE_UNAVAILABLE:
            self.let_go(entry, portfolio)
        elif reply.status == 429 or reply.status >= 500 or (only_success and reply.status >= 400):
            # Nothing was sent, and the answer asks to try again: with the same key, as clients do.
            await self._write(lambda: self._store.free(entry))
        elif only_success:
            # Nobody waits for it to be kept: who repeats it before finds it running, and waits for its answer.
            self._keep_in_passing(entry, packed(reply))
        else:
            answer = packed(reply)
            await self._write(lambda: self._store.keep(entry, answer))

    def _keep_in_passing(self, entry: Entry, answer: bytes) -> None:
        def kept(keeping: asyncio.Future[Any]) -> None:
            if keeping.cancelled() or keeping.exception() is not None:
                spawn(until_stored(lambda: self._store.keep(entry, answer), self._services.clock), "idempotency")

        try:
            self._store.keeping(entry, answer).add_done_callback(kept)
        except StoreUnavailable:
            spawn(until_stored(lambda: self._store.keep(entry, answer), self._services.clock), "idempotency")

    def let_go(self, entry: Entry, portfolio: str) -> None:
        """Free a claim whose request was told that the store is away, as soon as its message is sure not to go."""
        spawn(self._let_go(entry, portfolio), "idempotency")

    async def _let_go(self, entry: Entry, portfolio: str) -> None:
        # The store may have carried out what it did not answer: until that is taken back, another try could double it.
        clock = self._services.clock
        for _ in range(_LOOKS):
            state = await until_stored(lambda: self._store.bury(portfolio, entry.message_id), clock)
            if state in (None, State.FAILED):
                await until_stored(lambda: self._store.free(entry), clock)
                return
            if state not in (State.QUEUED, State.SENDING):
                # Its record tells whoever repeats it.
                return
            await clock.sleep_until(clock.now_ms() + _LOOK_EVERY_MS)

    async def _write(self, write: Callable[[], Awaitable[Any]]) -> None:
        try:
            await write()
        except StoreUnavailable:
            spawn(until_stored(write, self._services.clock), "idempotency")

    async def _abandoned(self, draft: Draft, running: Running) -> Reply | None:
        """The answer to a request whose node has ended, or sleeps, in the middle; None when its message never goes.

        A message's intent is stored before its first byte leaves. Where there is none, a record takes its place, so
        that an intent that comes after all takes nothing.
        """
        portfolio = self._services.ids.portfolio(running.message_id)
        if portfolio is None or await self._store.bury(portfolio, running.message_id) is None:
            return None
        found = await self._services.messages.find(portfolio, running.message_id)
        return fate(found, draft.request, self._services.clock.now_ms()) if found else None

    def _entry(self, draft: Draft, message_id: str) -> Entry:
        sender = draft.sender
        home = self._homes.get(sender.name)
        if home is None:
            home = self._homes[sender.name] = home_of(self._services, sender.app, sender.portfolio)
        name = f"{sender.name}:{digest_of(draft.options.idempotency_key or '')}"
        return Entry(home, name, draft.fingerprint, message_id)
