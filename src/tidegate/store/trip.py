"""One kind of call that many share: which script, how it is asked of all of them, and how its answer is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, Generic, TypeVar

from tidegate.errors import StoreUnavailable
from tidegate.store.scripts import Script, StoreClient, way_of

Item = TypeVar("Item")
Answer = TypeVar("Answer")

Asked = tuple[list[bytes], list[Any]]
"""Keys and arguments."""
Read = Callable[[list[Item], list[Any]], list[Answer] | Awaitable[list[Answer]]]
"""One answer an item, of what the script answered; awaited where something is still to be done for them."""
Left = Callable[[list[Item]], None]
"""Told of the items of a call that has just left: what is done in it is done while the store works. Must not raise."""


class Trip(Generic[Item, Answer]):
    """A script that changes nothing when it runs twice, for the items of a moment."""

    __slots__ = ("_client", "_script", "ask", "begin", "left", "raised", "read")

    def __init__(
        self,
        client: StoreClient,
        script: Script,
        ask: Callable[[list[Item]], Asked],
        read: Read[Item, Answer],
        left: Left[Item] = lambda items: None,
    ) -> None:
        """`left`: for who was begun; whoever is asked for by a task goes without."""
        self._client: Final = client
        self._script: Final = script
        self.ask: Final = ask
        self.read: Final = read
        self.left: Final = left
        #: Sends what was asked in this step, where that takes no waiting; see `Script.begin`.
        self.begin: Final = partial(script.begin, client, way_of(client))
        #: What a call would raise for a fault that was told of one that was begun.
        self.raised: Final = partial(script.raised, way_of(client))

    async def __call__(self, items: list[Item], fault: StoreUnavailable | None = None) -> list[Answer]:
        """The answers. `fault`: how the first try ended, where there was one. Raises StoreUnavailable."""
        keys, args = self.ask(items)
        if fault is None:
            answer = await self._script.repeatable(self._client, keys, args)
        else:
            answer = await self._script.again(self._client, keys, args, fault)
        answers = self.read(items, answer)
        return answers if isinstance(answers, list) else await answers
