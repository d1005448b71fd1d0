"""Many callers, one trip: what arrives while a call is under way goes together in the next one."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future, InvalidStateError, get_running_loop
from bisect import bisect_right
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
Kind = Callable[[Item], bytes]
"""What an item is like; it must not raise."""

#: Items of one call: else the first of them wait for all the others, and whoever else asks the store does.
MOST: Final = 128

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
        "_kind",
        "_last_kind",
        "_linger_s",
        "_loop",
        "_most",
        "_passing",
        "_run",
        "_trip",
        "_waiting",
    )

    def __init__(
        self,
        run: Run[Item, Answer],
        most: int = MOST,
        linger_s: float = 0.0,
        ended: Ended[Item] | None = None,
        kind: Kind[Item] | None = None,
    ) -> None:
        """`most`: items of one call; with more, the first of them have their answers while the others are worked on.

        `linger_s`: so long the first item of a call waits for others. `ended`: told of what goes `in_passing`. `kind`:
        of these; where not all of them fit into one call, those of a kind go together.
        """
        self._linger_s = linger_s
        self._ended: Ended[Item] = ended or (lambda items, fault: None)
        self._kind = kind
        self._run = run
        self._trip: Trip[Item, Answer] | None = run if isinstance(run, Trip) else None
        self._most = most
        #: Items of the next call that somebody waits for, and who; and those that nobody does.
        self._waiting: list[Item] = []
        self._askers: list[Future[Answer]] = []
        self._passing: list[Item] = []
        #: Up to which kind the last call came, of more than fitted into it.
        self._last_kind = b""
        self._busy = False
        #: Where it was busy last. Who runs is not asked each time: that looks into which process it is, which takes
        #: longer than all else here.
        self._loop: AbstractEventLoop | None = None
        _batches.add(self)

    def put(self, item: Item) -> Future[Answer]:
        """The answer to `item`, once it is there, or what `run` raised for the call that it was part of."""
        loop = self._loop
        if loop is None or not self._busy:
            loop = self._start_soon()
        future: Future[Answer] = loop.create_future()
        self._waiting.append(item)
        self._askers.append(future)
        return future

    def in_passing(self, item: Item) -> None:
        """Have `item` carried out, of which `ended` is told."""
        self._passing.append(item)
        if not self._busy:
            self._start_soon()

    async def __call__(self, item: Item) -> Answer:
        """Give the answer to `item`, as `put` does."""
        return await self.put(item)

    def _start_soon(self) -> AbstractEventLoop:
        """Start the next call in a moment, in the loop that runs."""
        loop = self._loop
        if loop is None or not loop.is_running():
            loop = self._loop = get_running_loop()
        self._busy = True
        if self._linger_s:
            loop.call_later(self._linger_s, self._start)
        else:
            loop.call_soon(self._start)
        return loop

    def _go_on(self) -> None:
        """To whoever came meanwhile."""
        there = len(self._waiting) + len(self._passing)
        if not there:
            self._busy = False
        elif self._linger_s and there < self._most:
            self._start_soon()
        else:
            self._start()

    def _start(self) -> None:
        items, askers, passing = self._waiting, self._askers, self._passing
        self._waiting, self._askers = [], []
        if passing:
            items += passing
            self._passing = []
        if len(items) > self._most:
            items, askers = self._as_many_as_fit(items, askers)
        trip = self._trip
        if trip is not None:
            ask, begin = trip.ask, trip.begin
            try:
                keys, args = ask(items)
                has_left = begin(keys, args, partial(self._came, items, askers))
            except Exception:
                # An item that can't be asked for: the other way finds out which.
                has_left = False
            if has_left:
                trip.left(items)
                return
        self._carry_on(items, askers, self._run)

    def _as_many_as_fit(
        self, items: list[Item], askers: list[Future[Answer]]
    ) -> tuple[list[Item], list[Future[Answer]]]:
        """The first of these, and who waits for them; the others wait for the next call."""
        most, kind = self._most, self._kind
        if kind is not None:
            # Round and round: after each kind all others have their turn, so that nobody waits for ever.
            passing = sorted(items[len(askers) :], key=kind)
            turn = bisect_right(passing, self._last_kind, key=kind)
            items[len(askers) :] = passing[turn:] + passing[:turn]
            self._last_kind = kind(items[most - 1])
        left, self._askers = items[most:], askers[most:]
        waited_for = len(self._askers)
        self._waiting, self._passing = left[:waited_for], left[waited_for:]
        return items[:most], askers[:most]

    def _came(self, items: list[Item], askers: list[Future[Answer]], answer: Any) -> None:
        """The answer to the call that was begun, or its fault."""
        trip, answers = self._trip, answer
        assert trip is not None
        if isinstance(answer, Exception):
            answers = trip.raised(answer)
        else:
            try:
                answers = trip.read(items, answer)
            except Exception as fault:
                answers = fault
        if isinstance(answers, list) and len(answers) == len(items):
            self._answer(items, askers, answers)
            if self._waiting or self._passing:
                self._go_on()
            else:
                self._busy = False
        else:
            self._carry_on(items, askers, _otherwise(trip, answers))

    def _carry_on(
        self,
        items: list[Item],
        askers: list[Future[Answer]],
        run: Callable[[list[Item]], Awaitable[list[Answer]]],
    ) -> None:
        """By a task, which begins with this."""
        spawn(self._carry(items, askers, run), "store batch")

    async def _carry(
        self,
        items: list[Item],
        askers: list[Future[Answer]],
        run: Callable[[list[Item]], Awaitable[list[Answer]]],
    ) -> None:
        #: What is still to be carried out, the next one last.
        parts = [(items, askers)]
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
                        parts[-1:] = [(items[middle:], askers[middle:]), (items[:middle], askers[:middle])]
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
        self._go_on()

    def _answer(self, items: list[Item], askers: list[Future[Answer]], answers: list[Answer]) -> None:
        # Fewer askers than items: nobody waits for the last of them.
        for asker, answer in zip(askers, answers, strict=False):
            try:
                asker.set_result(answer)
            except InvalidStateError:
                # It was cancelled.
                continue
        if len(items) > len(askers):
            self._ended(items[len(askers) :], None)

    def _fail(self, items: list[Item], askers: list[Future[Answer]], error: Exception) -> None:
        for asker in askers:
            if not asker.done():
                asker.set_exception(error)
        if len(items) > len(askers):
            self._ended(items[len(askers) :], error)

    def _fail_waiting(self, error: Exception) -> None:
        items, askers = [*self._waiting, *self._passing], self._askers
        self._waiting, self._askers, self._passing = [], [], []
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
        self,
        run: Run[Item, Answer],
        one_slot: bool,
        linger_s: float = 0.0,
        ended: Ended[Item] | None = None,
        most: int = MOST,
        kind: Kind[Item] | None = None,
    ) -> None:
        """`linger_s`, `ended`, `most`, `kind`: each batch's."""
        self._begin: Callable[[], Batch[Item, Answer]] = partial(Batch, run, most, linger_s, ended, kind)
        self._of_all = None if one_slot else self._begin()

    def __missing__(self, portfolio: str) -> Batch[Item, Answer]:
        batch = self[portfolio] = self._of_all or self._begin()
        return batch
