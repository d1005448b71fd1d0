"""Idempotency-Key: one key, one message, one answer (draft-ietf-httpapi-idempotency-key-header)."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Final

import orjson

from tidegate.cloudapi.messages import queued_answer
from tidegate.edge import answers
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.drafts import Draft
from tidegate.edge.replies import Reply
from tidegate.edge.services import Services
from tidegate.errors import StoreUnavailable
from tidegate.gateway import until_stored
from tidegate.policy.lifecycle import State
from tidegate.settings.tables import App
from tidegate.store.idempotency import Done, Entry, Idempotency, Mine, Other, Running
from tidegate.store.ledger import OUTCOME_MS
from tidegate.tasks import spawn

_REPLAYED: Final = {"Idempotency-Replayed": "true"}
#: Its numbers are those of the moment at which it was given.
_MOMENTARY: Final = frozenset({"ratelimit", "ratelimit-policy"})


class Once:
    """Carries a send out for the first request with its key, and gives that answer to all others."""

    def __init__(self, store: Idempotency, services: Services) -> None:
        self._store = store
        self._services = services

    async def answer(self, draft: Draft, message_id: str, submit: Callable[[Draft, str], Awaitable[Reply]]) -> Reply:
        """The answer that belongs to the draft's key. Raises Denial for a conflict."""
        entry = self._entry(draft, message_id)
        try:
            found = await self._store.claim(entry)
            if isinstance(found, Running) and found.age_ms > OUTCOME_MS:
                abandoned = await self._abandoned(draft, found)
                if abandoned is not None:
                    return abandoned
                found = await self._store.claim(entry, instead_of=found.message_id)
        except StoreUnavailable:
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
            case Done(answer):
                return _unpacked(answer).with_headers(_REPLAYED)
            case Mine():
                return await self._carried_out(entry, draft, submit)

    async def _carried_out(self, entry: Entry, draft: Draft, submit: Callable[[Draft, str], Awaitable[Reply]]) -> Reply:
        try:
            reply = await submit(draft, entry.message_id)
        except Denial:
            await self._write(lambda: self._store.free(entry))
            raise
        if reply.status == 429 or reply.status >= 500:
            # Nothing was sent, and the answer asks to try again: with the same key, as clients do.
            await self._write(lambda: self._store.free(entry))
        else:
            packed = _packed(reply)
            await self._write(lambda: self._store.keep(entry, packed))
        return reply

    async def _write(self, write: Callable[[], Awaitable[None]]) -> None:
        try:
            await write()
        except StoreUnavailable:
            spawn(until_stored(write, self._services.clock), "idempotency")

    async def _abandoned(self, draft: Draft, running: Running) -> Reply | None:
        """The answer to a key whose node has ended in the middle; None when its message was never begun.

        A message's intent is stored before its first byte leaves: without a record nothing has left.
        """
        portfolio = self._services.ids.portfolio(running.message_id)
        found = await self._services.messages.find(portfolio, running.message_id) if portfolio else None
        if found is None:
            return None
        verdict = "queue" if found.state is State.QUEUED else "unknown"
        reason = found.reason or "outcome_unknown"
        body = queued_answer(draft.request, running.message_id, verdict=verdict, reason=reason)
        headers = {
            "Content-Type": "application/json",
            "Tidegate-Verdict": verdict,
            "Tidegate-Id": running.message_id,
            "Tidegate-Reason": reason,
        }
        return Reply(200, headers | _REPLAYED, orjson.dumps(body))

    def _entry(self, draft: Draft, message_id: str) -> Entry:
        key = draft.options.idempotency_key or ""
        return Entry(
            portfolio=_home(self._services, draft.app, draft.route.portfolio),
            app=draft.app.name,
            digest=hashlib.sha256(key.encode()).hexdigest(),
            fingerprint=draft.fingerprint.hex(),
            message_id=message_id,
        )


def _home(services: Services, app: App, default: str) -> str:
    """One portfolio for all keys of an app: a key is the app's, whichever number it is used with."""
    mine = (portfolio.id for portfolio, _, number in services.settings.numbers if app.may_use(number.id))
    return next(mine, default)


def _packed(reply: Reply) -> bytes:
    kept = {str(name): value for name, value in reply.headers.items() if name.lower() not in _MOMENTARY}
    head = orjson.dumps({"status": reply.status, "headers": kept})
    return head + b"\n" + reply.body


def _unpacked(answer: bytes) -> Reply:
    head, _, body = answer.partition(b"\n")
    told = orjson.loads(head)
    return Reply(told["status"], told["headers"], body)
