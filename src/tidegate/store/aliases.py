"""The names of one user brought together: on proof for all that counts, on suspicion for what was refused."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from tidegate.errors import StoreUnavailable
from tidegate.policy.identity import Identity
from tidegate.policy.users import Link, Name, User
from tidegate.store.ledger import Ledger
from tidegate.store.users import Users

#: A link that is seen again is not written again, until it is this old.
RENEWED_MS: Final = 30 * 86_400_000
#: Links that this node has seen lately and need not look up again.
_REMEMBERED: Final = 100_000
_REMEMBERED_MS: Final = 3_600_000
#: Whoever loses this many races in a row gives up.
_RACES: Final = 50

_Seen = tuple[str, bytes, bytes, bool]


class Aliases:
    """Learns which names are one user's. Every method raises StoreUnavailable."""

    def __init__(self, users: Users, identity: Identity, ledger: Ledger, numbers: Mapping[str, Sequence[str]]) -> None:
        """`numbers`: of each portfolio, all of them."""
        self._users = users
        self._ledger = ledger
        self._numbers = numbers
        self._identity = identity
        self._lately: OrderedDict[_Seen, int] = OrderedDict()

    def recipient(self, name: Name) -> bytes:
        """The 16 bytes that stand for this name."""
        return self._identity.of(name.kind, name.text)

    def are_known(self, portfolio: str, links: Sequence[Link], now_ms: int) -> bool:
        """Whether `learn` has nothing to do."""
        for link in links:
            key = (portfolio, self.recipient(link.alias), self.recipient(link.user), link.proven)
            if not self._was_seen(key, min(link.at_ms, now_ms)):
                return False
        return True

    async def learn(self, portfolio: str, links: Sequence[Link], now_ms: int) -> None:
        """Take over links, one after the other; `now_ms`: the store's time, which no link is newer than."""
        for link in links:
            alias, user = self.recipient(link.alias), self.recipient(link.user)
            at_ms, key = min(link.at_ms, now_ms), (portfolio, alias, user, link.proven)
            if not self._was_seen(key, at_ms):
                await self.link(portfolio, alias, user, proven=link.proven, at_ms=at_ms)
                self._remember(key, at_ms)

    async def link(self, portfolio: str, alias: bytes, user: bytes, *, proven: bool, at_ms: int) -> None:
        """Two names of one user: proven, then `user` is where all that counts is known; or suspected."""
        for _ in range(_RACES):
            known = await self._users.read(portfolio, alias)
            user, _ = await self._users.resolve(portfolio, user)
            known_as, _ = await self._users.resolve(portfolio, alias)
            if known_as == user:
                return await self._renew(portfolio, alias, user, known, at_ms)
            if not proven:
                return await self._suspect(portfolio, user, known_as, at_ms)
            # Before the name moves, so that whoever reads in between finds what was refused under either.
            if known_as == alias:
                await self._users.update(portfolio, user, partial(User.merged, other=known))
            else:
                # It was another one's name until now. That makes the two one user no more than a new number does.
                await self._suspect(portfolio, user, known_as, at_ms)
            if await self._users.point(portfolio, alias, known, user, at_ms):
                return await self._move(portfolio, alias, user)
        raise StoreUnavailable("a user's names change faster than they can be brought together")

    async def _suspect(self, portfolio: str, one: bytes, other: bytes, at_ms: int) -> None:
        found, known = await self._users.read(portfolio, one), await self._users.read(portfolio, other)
        is_known = other in found.aliases and one in known.aliases
        if is_known and at_ms - min(found.seen_at_ms, known.seen_at_ms) < RENEWED_MS:
            return
        # Once each of them names the other, every change tells both what one of them refuses.
        await self._users.update(portfolio, one, partial(User.linked, recipient=other, seen_at_ms=at_ms))
        await self._users.update(portfolio, other, partial(User.linked, recipient=one, seen_at_ms=at_ms))
        await self._users.update(portfolio, one, _unchanged)

    async def _renew(self, portfolio: str, alias: bytes, user: bytes, known: User, at_ms: int) -> None:
        if known.same_as is None:
            return
        if at_ms - known.seen_at_ms >= RENEWED_MS:
            await self._users.point(portfolio, alias, known, known.same_as, at_ms)
        # Again, for whoever has pointed the name there may have failed before this.
        await self._move(portfolio, alias, user)

    async def _move(self, portfolio: str, alias: bytes, user: bytes) -> None:
        """Have what is counted follow the name, once no send is admitted under the alias any more.

        Until then both may hold a place: one too many counts, never one too few.
        """
        await self._ledger.move_user(portfolio, alias, user, self._numbers[portfolio])

    def _was_seen(self, key: _Seen, at_ms: int) -> bool:
        seen_ms = self._lately.get(key)
        return seen_ms is not None and at_ms - seen_ms < _REMEMBERED_MS

    def _remember(self, key: _Seen, at_ms: int) -> None:
        self._lately[key] = at_ms
        if len(self._lately) > _REMEMBERED:
            self._lately.popitem(last=False)


def _unchanged(user: User) -> User:
    return user
