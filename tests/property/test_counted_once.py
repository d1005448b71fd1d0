"""The counting book where names turn out to be one user's: from the proof on they are counted as one, on both stores.

Everything that happens to the book happens here too, under any of a user's names; a link may be learnt at once, or
get lost between the step that points the name to its user and the one that moves what is counted.
"""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test
from msgspec.structs import replace

from tests.factories import PORTFOLIO
from tests.property.bench import Bench
from tests.property.book_model import Place
from tests.property.share_model import ShareModel
from tests.property.test_ledger_model import NUMBERS, USERS, LedgerMachine
from tidegate.policy.identity import Identity
from tidegate.store.aliases import Aliases
from tidegate.store.asks import Ask
from tidegate.store.ledger import Inbound
from tidegate.store.users import Users


class NamesModel(ShareModel):
    """A book in which a name may lead to another one, and takes along what was counted under it."""

    def __init__(self) -> None:
        super().__init__()
        self.leads: dict[bytes, bytes] = {}

    def name_of(self, recipient: bytes) -> bytes:
        while recipient in self.leads:
            recipient = self.leads[recipient]
        return recipient

    def open_window(self, inbound: Inbound, now_ms: int) -> int:
        return super().open_window(inbound._replace(recipient=self.name_of(inbound.recipient)), now_ms)

    def move(self, alias: bytes, user: bytes, now_ms: int) -> bool:
        """Whether a place came free, for both held one."""
        self.advance(now_ms)
        self.leads[alias] = user
        before = self.used
        for book in (self, *self.shares.values()):
            if old := book.places.pop(alias, None):
                place = book.places.setdefault(user, Place())
                place.counted = max(place.counted, old.counted)
                place.holds |= old.holds
        for message in self.messages.values():
            message.recipient = self.name_of(message.recipient)
        for number in NUMBERS:
            self._move_pair((number, alias), (number, user), now_ms)
        return self.used < before

    def _move_pair(self, old: tuple[str, bytes], new: tuple[str, bytes], now_ms: int) -> None:
        window_ms, tat_ms = self.windows.pop(old, 0), self.pair_tats.pop(old, 0)
        if max(window_ms, tat_ms) <= now_ms:
            return
        self.windows[new] = max(window_ms, self.windows.get(new, 0))
        own_ms = self.pair_tats.get(new, 0)
        self.pair_tats[new] = max(tat_ms, own_ms) + max(0, min(tat_ms, own_ms) - now_ms)


class NamesMachine(LedgerMachine):
    """`pointed`: names that lead to a user already, while what was counted under them has not been moved."""

    bench: Bench

    def __init__(self) -> None:
        super().__init__()
        self.model: NamesModel = NamesModel()
        self.pointed: dict[bytes, bytes] = {}
        self.users = Users(self.bench.client, [PORTFOLIO], lambda: self.now_ms, one_slot=False)
        self.aliases = Aliases(self.users, Identity(b"k" * 32), self.ledger, {PORTFOLIO: NUMBERS})

    @rule(alias=st.sampled_from(USERS), user=st.sampled_from(USERS))
    def prove(self, alias: bytes, user: bytes) -> None:
        if not self._is_free(alias, user):
            return
        user = self._resolved(user)

        self.bench.run(self.aliases.link(PORTFOLIO, alias, user, proven=True, at_ms=self.now_ms))

        self.model.move(alias, user, self.now_ms)
        self._moved_again(alias, user)

    @rule(alias=st.sampled_from(USERS), user=st.sampled_from(USERS))
    def prove_and_get_lost_on_the_way(self, alias: bytes, user: bytes) -> None:
        if not self._is_free(alias, user):
            return
        user = self._resolved(user)

        async def point() -> bool:
            return await self.users.point(PORTFOLIO, alias, await self.users.read(PORTFOLIO, alias), user, self.now_ms)

        assert self.bench.run(point())
        self.pointed[alias] = user

    @precondition(lambda self: self.pointed)
    @rule(pick=st.integers(0))
    def prove_again(self, pick: int) -> None:
        alias, user = list(self.pointed.items())[pick % len(self.pointed)]
        del self.pointed[alias]

        self.bench.run(self.aliases.link(PORTFOLIO, alias, user, proven=True, at_ms=self.now_ms))

        self.model.move(alias, self.model.name_of(user), self.now_ms)
        # As it was moved: to whom that user is known as by now.
        self._moved_again(alias, self._resolved(user))

    def _is_free(self, alias: bytes, user: bytes) -> bool:
        """Whether the two are not known to be one, and `alias` is nobody else's."""
        return self._resolved(alias) == alias != self._resolved(user)

    def _resolved(self, name: bytes) -> bytes:
        return self.bench.run(self.users.resolve(PORTFOLIO, name))[0]

    def _moved_again(self, alias: bytes, user: bytes) -> None:
        before = self._dump()
        assert not self.bench.run(self.ledger.move_user(PORTFOLIO, alias, user, NUMBERS)), "it came free twice"
        assert before.swept(self.now_ms) == self._dump().swept(self.now_ms), "the second run changed something"
        assert all(alias not in name.encode("latin-1") for name in before.keys if name.startswith("pair:"))

    def _ask(self, asked: tuple[Any, ...], **changes: Any) -> Ask:
        """As a node asks: under the name that the user is known by, and on what is known there."""
        ask = super()._ask(asked, **changes)
        name, known = self.bench.run(self.users.resolve(PORTFOLIO, ask.intent.recipient))
        return replace(
            ask, intent=replace(ask.intent, recipient=name), terms=ask.terms._replace(user_version=known.version)
        )


def test_names_of_one_user_are_counted_as_one(bench: Bench) -> None:
    machine = type("NamesMachine", (NamesMachine,), {"bench": bench})

    run_state_machine_as_test(machine, settings=settings(max_examples=bench.examples(40), stateful_step_count=40))
