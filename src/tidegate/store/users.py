"""What is known of users, read and changed: one record for each of them, whatever names they go by."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from tidegate.cloudapi.vocabulary import Category
from tidegate.errors import StoreUnavailable
from tidegate.journal import Journal
from tidegate.policy.users import EMPTY, User, expires_at_ms, read_user, write_user
from tidegate.store.batch import Shards
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient, script

#: Whoever loses this many races for one record in a row gives up.
_RACES: Final = 50
#: An alias leads to a name, that seldom to another one; never further.
_HOPS: Final = 4

#: So many names has nobody: more of them are a fault somewhere, which is not to be carried on.
_MOST_NAMES: Final = 16

Change = Callable[[User], User]


class _Read(NamedTuple):
    portfolio: str
    recipient: bytes


class _Write(NamedTuple):
    portfolio: str
    recipient: bytes
    version: int
    record: bytes
    expires_at_ms: int


class _Written(NamedTuple):
    done: bool
    version: int


@dataclass(frozen=True, slots=True)
class Erased:
    """What is left of a user, and the ids of messages that are queued for them."""

    left: User
    queued: tuple[str, ...]
    names: tuple[bytes, ...] = ()
    """The names under which the user was known."""


class Users:
    """The users of all portfolios of this store. Recipients are their 16 bytes; every method raises StoreUnavailable.

    Callers of the same moment share their trips.
    """

    def __init__(
        self,
        client: StoreClient,
        portfolios: Iterable[str],
        now_ms: Callable[[], int],
        *,
        one_slot: bool,
        journal: Journal | None = None,
    ) -> None:
        """`now_ms`: the store's time, to tell what may be forgotten. `one_slot`: a call may not span portfolios.

        `journal`: where the users' words are noted too.
        """
        self._client = client
        self._owed: deque[tuple[str, bytes, Category, str, int]] = deque()
        self._journal = journal or Journal()
        self._keys = {portfolio: PortfolioKeys(portfolio) for portfolio in portfolios}
        self._now_ms = now_ms
        self._reads: Shards[_Read, User] = Shards(self._read, one_slot)
        self._writes: Shards[_Write, _Written] = Shards(self._write, one_slot)

    async def read(self, portfolio: str, recipient: bytes) -> User:
        """What is kept under this very name; `same_as` where that is only another name of a user's."""
        return await self._reads[portfolio].put(_Read(portfolio, recipient))

    async def resolve(self, portfolio: str, recipient: bytes) -> tuple[bytes, User]:
        """The name under which the user is known, and what is known there."""
        user = await self.read(portfolio, recipient)
        seen = [recipient]
        while user.same_as is not None and user.same_as not in seen and len(seen) <= _HOPS:
            seen.append(user.same_as)
            user = await self.read(portfolio, user.same_as)
        return seen[-1], user

    async def update(self, portfolio: str, recipient: bytes, change: Change) -> User:
        """Change what is known of a user, under whichever name; what is refused then is refused for all their names.

        `change` is asked again when somebody else was faster: it has to be a pure function. On return no send can be
        admitted any more that was decided on what was known before.
        """
        for _ in range(_RACES):
            name, user = await self.resolve(portfolio, recipient)
            after = change(user)
            # The other names first: whoever fails in between does all of it again.
            await self._spread(portfolio, name, after)
            written = user if after == user else await self._swap(portfolio, name, user, after)
            if written is not None:
                return written
        raise StoreUnavailable(_TOO_FAST)

    async def refuse(
        self, portfolio: str, recipient: bytes, category: Category | None, source: str, at_ms: int
    ) -> User:
        """A user wants no messages of a category, or (None) of any; said at `at_ms`, known from `source`."""
        return await self.update(portfolio, recipient, lambda user: user.with_consent(category, False, source, at_ms))

    def remember_refusal(self, portfolio: str, recipient: bytes, category: Category, source: str, at_ms: int) -> None:
        """Note a refusal while the store is away: it is in force on this node now, and in the store by `catch_up`."""
        known = self._journal.of(portfolio).words.get(recipient, {})
        after = User(consents=known).with_consent(category, False, source, at_ms)
        self._journal.words(portfolio, recipient, after.consents)
        self._owed.append((portfolio, recipient, category, source, at_ms))

    async def catch_up(self) -> None:
        """Write down what was noted while the store was away."""
        while self._owed:
            await self.refuse(*self._owed[0])
            self._owed.popleft()

    async def point(self, portfolio: str, alias: bytes, known: User, recipient: bytes, seen_at_ms: int) -> bool:
        """Make `alias` another name of `recipient`; False when there is not what was `known` there any more."""
        pointer = known.proven_same_as(recipient, seen_at_ms)
        return pointer == known or await self._swap(portfolio, alias, known, pointer) is not None

    async def erase(self, portfolio: str, recipient: bytes, numbers: Sequence[str], *, forget: bool) -> Erased:
        """Forget a user, under the name given and under the one that it points to.

        Also the windows and turns of their pairs with `numbers`. The bare refusals are left, unless `forget`.
        """
        name, user = await self.resolve(portfolio, recipient)
        for alias in sorted(user.aliases):
            await self.update(portfolio, alias, lambda known: known.unlinked(name))
        erased = await self._erase(portfolio, name, numbers, forget)
        if name != recipient:
            under_alias = await self._erase(portfolio, recipient, numbers, forget)
            erased = Erased(erased.left, erased.queued + under_alias.queued)
        return replace(erased, names=tuple({name, recipient, *user.aliases}))

    async def _erase(self, portfolio: str, name: bytes, numbers: Sequence[str], forget: bool) -> Erased:
        for _ in range(_RACES):
            user = await self.read(portfolio, name)
            left = EMPTY if forget else user.bare_refusals()
            args: list[str | bytes | int] = [name, user.version, write_user(left), *numbers]
            answer = await script("erase_user").repeatable(self._client, self._keys[portfolio].all, args)
            if answer[0] == 1:
                self._journal.words(portfolio, name, left.consents)
                return Erased(left, tuple(answer[1].decode().split()))
        raise StoreUnavailable(_TOO_FAST)

    async def _spread(self, portfolio: str, name: bytes, user: User) -> None:
        """Refuse for all names that may be this user's what the user refuses."""
        words, told, ask = user.refused, {name}, set(user.aliases)
        while words and ask and len(told) < _MOST_NAMES:
            alias, known = await self.resolve(portfolio, ask.pop())
            if alias in told:
                continue
            after = known.with_words(words)
            if after != known and await self._swap(portfolio, alias, known, after) is None:
                ask.add(alias)
                continue
            told.add(alias)
            ask |= after.aliases - told

    async def _swap(self, portfolio: str, name: bytes, user: User, after: User) -> User | None:
        """Write what comes after what was read; None when somebody else was faster."""
        write = _Write(portfolio, name, user.version, write_user(after), expires_at_ms(after, self._now_ms()))
        written = await self._writes[portfolio].put(write)
        if written.done:
            self._journal.words(portfolio, name, after.consents)
        return read_user(write.record, written.version) if written.done else None

    async def _read(self, reads: list[_Read]) -> list[User]:
        keys, args = self._blocks(reads)
        answer = await script("read_users").repeatable(self._client, keys, args)
        return [read_user(answer[i + 1], answer[i]) for i in range(0, len(answer), 2)]

    async def _write(self, writes: list[_Write]) -> list[_Written]:
        keys, args = self._blocks(writes)
        answer = await script("update_user").repeatable(self._client, keys, args)
        return [_Written(answer[i] == 1, answer[i + 1]) for i in range(0, len(answer), 2)]

    def _blocks(self, items: Sequence[_Read | _Write]) -> tuple[list[bytes], list[Any]]:
        blocks: dict[str, int] = {}
        keys: list[bytes] = []
        args: list[Any] = []
        for item in items:
            if item.portfolio not in blocks:
                blocks[item.portfolio] = len(blocks)
                keys += self._keys[item.portfolio].all
            args += (blocks[item.portfolio], *item[1:])
        return keys, args


_TOO_FAST: Final = "what is known of a user changes faster than it can be written"
