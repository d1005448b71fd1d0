"""The counting book with apps that have a share of the limit, as one would write it without a store."""

from __future__ import annotations

import orjson
from msgspec.structs import replace

from tests.factories import make_share
from tests.property.book_model import BookModel, Hold, Message, Place
from tidegate.policy.facts import Facts, Terms
from tidegate.store.asks import Ask
from tidegate.store.statuses import Status


class ShareModel(BookModel):
    """One portfolio, and a book for each app with a share: what its own sends took, as long as they keep it."""

    def __init__(self) -> None:
        super().__init__()
        self.shares: dict[str, BookModel] = {}
        self._app_of: dict[str, str] = {}

    def advance(self, now_ms: int) -> None:
        super().advance(now_ms)
        for share in self.shares.values():
            share.advance(now_ms)

    def admit(self, ask: Ask, now_ms: int) -> Facts:
        self.advance(now_ms)
        app, message_id, recipient = _app(ask), ask.intent.message_id, ask.intent.recipient
        share = self.shares.setdefault(app, BookModel()) if app else BookModel()
        held, used = recipient in self.places, share.used
        seen = super().admit(replace(ask, dry_run=True), now_ms)
        known = message_id in self.messages and not ask.dry_run
        if not known and not (seen.stale or seen.gone or seen.expired or seen.unclaimed):
            seen = replace(seen, tallied=(used,) * len(ask.terms.tallies))
            if seen.needs_place(ask.terms) and any(used >= tally.limit >= 0 for tally in ask.terms.tallies):
                return replace(seen, taken=False)
        facts = replace(super().admit(ask, now_ms), tallied=seen.tallied)
        if facts.taken and not facts.repeated and not ask.dry_run and app:
            self._app_of[message_id] = app
            if self.messages[message_id].kind == "1" and (not held or recipient in share.places):
                hold = self.places[recipient].holds[message_id]
                share.places.setdefault(recipient, Place()).holds[message_id] = Hold(hold.expected, hold.ends)
        return facts

    def _let_go(self, message: Message, message_id: str, now_ms: int) -> bool:
        if (share := self._share_of(message_id)) is not None:
            share._let_go(message, message_id, now_ms)
        return super()._let_go(message, message_id, now_ms)

    def _doubt(self, message: Message, message_id: str, now_ms: int) -> bool:
        if (share := self._share_of(message_id)) is not None:
            share._doubt(message, message_id, now_ms)
        return super()._doubt(message, message_id, now_ms)

    def _count(self, message: Message, status: Status, now_ms: int) -> bool:
        share = self._share_of(status.message_id)
        if share is not None and (message.recipient in share.places or message.recipient not in self.places):
            share._count(message, status, now_ms)
        return super()._count(message, status, now_ms)

    def _share_of(self, message_id: str) -> BookModel | None:
        return self.shares.get(self._app_of.get(message_id, ""))


def with_share(terms: Terms, app: str, limit: int) -> Terms:
    """The terms of a send of this app, which may have so many places (-1: they are only counted)."""
    return terms._replace(tallies=(make_share(app, limit),) if terms.counts else ())


def about(app: str) -> bytes:
    """What is noted of a message of this app."""
    return orjson.dumps({"app": app, "share": "1"})


def _app(ask: Ask) -> str:
    return str(orjson.loads(ask.intent.about).get("app", ""))
