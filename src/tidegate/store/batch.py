"""Many callers, one trip: what arrives while a call is under way goes together in the next one."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future, get_running_loop
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, Generic, TypeVar
from weakref import WeakSet

from tidegate.errors import StoreNotAsked, StoreUnavailable
from tidegate.store.trip import Trip
from tidegate.tasks import spawn

Item = TypeVar("Item")
Answer = TypeVar("Answer")

Run = Callable[[list[Item]], Awaitable[list[Answer]]] | Trip[Item, Answer]
Ended = Callable[[list[Item], Exception | None], None]
"""Called with those of a call that nobody waits for, once they are carried out or with the fault; it must not raise."""
Asker = Future[Answer] | None
"""Who gets an answer; None: nobody waits for it."""

_batches: Final[WeakSet[Batch[Any, Any]]] = WeakSet()


class Batch(Generic[Item, Answer]):
    """Collects items of the same loop tick and hands them to `run` in one call, at most one call at a time.

    A trip to the store costs more than the work that it asks for, so callers share it. A call that the store did not
    answer fails all that were in it, and all that came meanwhile; one that failed by an item is made again in halves,
    until only that item is in it: `run` has to bear being repeated. A caller that is cancelled loses its answer, never
    the work of the others.

    A `Trip` is begun, and its answers are told, without a task: that one is there for what goes wrong.
    """

    __slots__ = (
        "__weakref__",
        "_askers",
        "_busy",
        "_ended",
        "_items",
        "_linger_s",
        "_loop",
        "_most",
        "_run",
        "_trip",
        "_waiters",
        "_waiting",
    )

    def __init__(
        self,
        run: Run[Item, Answer],
        most: int = 128,
        linger_s: float = 0.0,
        ended: Ended[Item] | None = None,
    ) -> None:
        """`linger_s`: so long the first item of a call waits for others. `ended`: told of what goes `in_passing`."""
        self._linger_s = linger_s
        self._ended: Ended[Item] = ended or (lambda items, fault: None)
        self._run = run
        self._trip: Trip[Item, Answer] | None = run if isinstance(run, Trip) else None
        self._most = most
        #: Items of the next call, and who asked for each.
        self._waiting: list[Item] = []
        self._waiters: list[Asker[Answer]] = []
        #: The same of the call that is under way.
        self._items: list[Item] = []
        self._askers: list[Asker[Answer]] = []
        self._busy = False
        #: Where it was busy last.
        self._loop: AbstractEventLoop | None = None
        _batches.add(self)

    def put(self, item: Item) -> Future[Answer]:
        """The answer to `item`, once it is there, or what `run` raised for the call that it was part of."""
        loop = self._loop
        if loop is None or not (self._busy or loop.is_running()):
            # Not asked for each time: it looks into which process it is, which takes longer than all else here.
            loop = get_running_loop()
        future: Future[Answer] = loop.create_future()
        self._waiting.append(item)
        self._waiters.append(future)
        if not self._busy:
            self._start_soon(loop)
        return future

    def in_passing(self, item: Item) -> None:
        """Have `item` carried out, of which `ended` is told."""
        self._waiting.append(item)
        self._waiters.append(None)
        if not self._busy:
            self._start_soon(get_running_loop())

    async def __call__(self, item: Item) -> Answer:
        """Give the answer to `item`, as `put` does."""
        return await self.put(item)

    def _start_soon(self, loop: AbstractEventLoop) -> None:
        self._busy = True
        self._loop = loop
        if self._linger_s:
            loop.call_later(self._linger_s, self._start)
        else:
            loop.call_soon(self._start)

    def _go_on(self) -> None:
        """To whoever came meanwhile."""
        if not self._waiting:
            self._busy = False
        elif self._linger_s and len(self._waiting) < self._most:
            self._start_soon(get_running_loop())
        else:
            self._start()

    def _start(self) -> None:
        items, askers, most = self._waiting, self._waiters, self._most
        self._waiting, self._waiters = [], []
        if len(items) > most:
            self._waiting, self._waiters = items[most:], askers[most:]
            items, askers = items[:most], askers[:most]
        self._items, self._askers = items, askers
        trip, is_begun = self._trip, False
        try:
            if trip is not None:
                keys, args = trip.ask(items)
                is_begun = trip.begin(keys, args, self._came)
        except Exception:
            # An item that can't be asked for: the other way finds out which.
            is_begun = False
        if not is_begun:
            self._carry_on(self._run)

    def _came(self, answer: Any) -> None:
        """The answer to the call that was begun, or its fault."""
        trip, items, answers = self._trip, self._items, answer
        assert trip is not None
        if not isinstance(answer, Exception):
            try:
                answers = trip.read(items, answer)
            except Exception as fault:
                answers = fault
        if isinstance(answers, list) and len(answers) == len(items):
            self._answer(items, self._askers, answers)
            self._items, self._askers = [], []
            if self._waiting:
                self._go_on()
            else:
                self._busy = False
        else:
            self._carry_on(_otherwise(trip, answers))

    def _carry_on(self, run: Callable[[list[Item]], Awaitable[list[Answer]]]) -> None:
        """By a task, which begins with this."""
        spawn(self._carry(run), "store batch")

    async def _carry(self, run: Callable[[list[Item]], Awaitable[list[Answer]]]) -> None:
        #: What is still to be carried out, the next one last.
        parts = [(self._items, self._askers)]
        try:
            while parts:
                items, askers = parts[-1]
                try:
                    answers = await run(items)
                    if len(answers) != len(items):
                        raise ValueError(f"{len(answers)} answers to {len(items)} items")
                except StoreUnavailable as error:
                    self._fail(items, askers, error)
                    # Who came meanwhile has waited as long: the next call would say the same, later than anybody may
                    # wait.
                    self._fail_waiting(StoreNotAsked("the store is unavailable: it was not asked again"))
                except Exception as error:
                    if len(items) > 1:
                        middle = len(items) // 2
                        parts.append((items[:middle], askers[:middle]))
                        parts[-2] = items[middle:], askers[middle:]
                        run = self._run
                        continue
                    self._fail(items, askers, error)
                else:
                    self._answer(items, askers, answers)
                del parts[-1]
        except BaseException:
            # Whatever ends this task, a caller left waiting for ever would be worse.
            self._busy = False
            ended = RuntimeError("batch was ended")
            for items, askers in reversed(parts):
                self._fail(items, askers, ended)
            self._fail_waiting(ended)
            raise
        self._items, self._askers = [], []
        self._go_on()

    def _answer(self, items: list[Item], askers: list[Asker[Answer]], answers: list[Answer]) -> None:
        if any(askers):
            for asker, answer in zip(askers, answers, strict=True):
                if asker is not None and not asker.done():
                    asker.set_result(answer)
        self._tell_passing(items, askers, None)

    def _fail(self, items: list[Item], askers: list[Asker[Answer]], error: Exception) -> None:
        for asker in filter(None, askers):
            if not asker.done():
                asker.set_exception(error)
        self._tell_passing(items, askers, error)

    def _tell_passing(self, items: list[Item], askers: list[Asker[Answer]], error: Exception | None) -> None:
        if not any(askers):
            self._ended(items, error)
        elif not all(askers):
            self._ended([item for item, asker in zip(items, askers, strict=True) if asker is None], error)

    def _fail_waiting(self, error: Exception) -> None:
        items, askers = self._waiting, self._waiters
        self._waiting, self._waiters = [], []
        if items:
            self._fail(items, askers, error)

    @property
    def is_busy(self) -> bool:
        """Whether a call is under way, or about to be."""
        return self._busy

    def is_of(self, loop: AbstractEventLoop) -> bool:
        """Whether that is so in this loop: one that was ended in the middle of it stays busy for ever."""
        return self._loop is loop


def is_any_busy() -> bool:
    """Whether a call of any batch of the loop that runs is under way, or about to be."""
    loop = get_running_loop()
    return any(batch.is_busy and batch.is_of(loop) for batch in _batches)


def _otherwise(trip: Trip[Item, Answer], answers: Any) -> Callable[[list[Item]], Awaitable[list[Answer]]]:
    """How a call is brought to an end whose answers are not there yet, or not as they should be."""
    if isinstance(answers, StoreUnavailable):
        return lambda items: trip(items, answers)
    if isinstance(answers, Awaitable):
        return lambda items: answers
    # By halves, until it is known whose fault it is.
    return trip


class Shards(dict[str, Batch[Item, Answer]]):
    """Batches of one kind of call by portfolio: one for all, or one each where a call may touch only one slot."""

    __slots__ = ("_begin", "_of_all")

    def __init__(
        self, run: Run[Item, Answer], one_slot: bool, linger_s: float = 0.0, ended: Ended[Item] | None = None
    ) -> None:
        """`linger_s`, `ended`: each batch's."""
        self._begin: Callable[[], Batch[Item, Answer]] = partial(Batch, run, linger_s=linger_s, ended=ended)
        self._of_all = None if one_slot else self._begin()

    def __missing__(self, portfolio: str) -> Batch[Item, Answer]:
        batch = self[portfolio] = self._of_all or self._begin()
        return batch
