"""An event loop that takes the same steps each time: virtual time, processes that can be stopped and killed.

All processes of a run (nodes, the store, the platform, callers) live on one loop. A process is a name in a context
variable: whatever is scheduled from its code is its own. Inside a process the order is asyncio's, first come, first
served, for its code may rely on that; which process goes next is drawn by the seed, and time passes only when nobody
can go on.

A killed process never runs again, not even its `finally` blocks. A stopped one runs nothing until it goes on, and then
finds all at once what has happened meanwhile, as after SIGSTOP and SIGCONT.
"""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from random import Random
from typing import Any, Final, TypeVar

T = TypeVar("T")

#: What runs outside of all processes: the one who plays the faults. It can't be stopped or killed.
DIRECTOR: Final = "director"
PROCESS: Final[ContextVar[str]] = ContextVar("PROCESS", default=DIRECTOR)
_START_S: Final = 1_000.0


class Deadlock(Exception):
    """Everybody waits, and nothing will ever happen."""


class Endless(Exception):
    """A run takes more steps than any that is sound."""


class DeterministicLoop(asyncio.BaseEventLoop):
    """Runs processes step by step. `network` is what sockets are made of here: see `MemoryNetwork`."""

    def __init__(self, seed: int, most_steps: int = 5_000_000) -> None:
        super().__init__()
        self._now = _START_S
        self._clock_resolution = 1e-9
        self._random = Random(f"loop {seed}")
        self._queues: dict[str, deque[asyncio.Handle]] = {}
        self._dead: set[str] = set()
        self._stopped: set[str] = set()
        self._buried: list[asyncio.Handle] = []
        self._trace = hashlib.blake2b(digest_size=16)
        self._most_steps = most_steps
        self._steps: dict[str, int] = {}
        self._total = 0
        #: Called with a process and the count of its steps, before each of them.
        self.watchers: list[Callable[[str, int], None]] = []
        #: Called when the run is over, and nothing runs any more.
        self.endings: list[Callable[[], None]] = []
        #: Makes connections and servers.
        self.network: Any = None

    def time(self) -> float:
        """Virtual seconds."""
        return self._now

    @property
    def steps(self) -> dict[str, int]:
        """Steps taken so far, by process."""
        return self._steps

    @property
    def digest(self) -> str:
        """Stands for every step so far: when, whose, what."""
        return self._trace.hexdigest()

    def note(self, what: str) -> None:
        """Have something that happened count in the digest."""
        self._trace.update(f"{self._now:.9f} {what}\n".encode())

    # Processes.

    def spawn(self, process: str, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run `work` as a task of a process."""
        return self.create_task(work, context=context_of(process))

    def is_alive(self, process: str) -> bool:
        """Whether it was not killed."""
        return process not in self._dead

    def kill(self, process: str) -> None:
        """SIGKILL: not one more step, and its connections break."""
        self.note(f"kill {process}")
        self._dead.add(process)
        self._stopped.discard(process)
        self._buried += self._queues.pop(process, ())
        self.network.killed(process)

    def stop_process(self, process: str) -> None:
        """SIGSTOP."""
        self.note(f"stop {process}")
        self._stopped.add(process)

    def continue_process(self, process: str) -> None:
        """SIGCONT."""
        self.note(f"continue {process}")
        self._stopped.discard(process)

    def exhume(self) -> None:
        """Let the killed run again, to be cleared away when the run is over and nobody looks any more."""
        self._dead.clear()
        self._stopped.clear()
        self.watchers.clear()
        buried, self._buried = self._buried, []
        for handle in buried:
            self._enqueue(handle)

    # The loop.

    def _call_soon(self, callback: Any, args: Any, context: Context | None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._enqueue(handle)
        return handle

    def _enqueue(self, handle: asyncio.Handle) -> None:
        process = handle._context.get(PROCESS, DIRECTOR)  # type: ignore[attr-defined]  # asyncio keeps it private
        if process in self._dead:
            self._buried.append(handle)
            return
        queue = self._queues.get(process)
        if queue is None:
            queue = self._queues[process] = deque()
        queue.append(handle)

    def _run_once(self) -> None:
        runnable = self._runnable()
        if not runnable:
            self._pass_time()
            return
        process = runnable[0] if len(runnable) == 1 else self._random.choice(runnable)
        queue = self._queues[process]
        handle = queue.popleft()
        if handle.cancelled():
            return
        count = self._steps[process] = self._steps.get(process, 0) + 1
        self._total += 1
        if self._total > self._most_steps:
            raise Endless(f"{self._total} steps, {self._now - _START_S:.3f} s: {self._steps}")
        for watch in list(self.watchers):
            watch(process, count)
        if process in self._dead:
            self._buried.append(handle)
            return
        if process in self._stopped:
            queue.appendleft(handle)
            return
        self._trace.update(f"{self._now:.9f} {process} {_name(handle)}\n".encode())
        handle._run()

    def _runnable(self) -> list[str]:
        return [name for name, queue in self._queues.items() if queue and name not in self._stopped]

    def _pass_time(self) -> None:
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]  # asyncio keeps it private
        while timers and timers[0].cancelled():
            heapq.heappop(timers)._scheduled = False  # type: ignore[attr-defined]
        if not timers:
            if self._stopping:  # type: ignore[attr-defined]
                return
            raise Deadlock(f"everybody waits: {self._steps}")
        self._now = max(self._now, timers[0].when())
        while timers and timers[0].when() <= self._now:
            handle = heapq.heappop(timers)
            handle._scheduled = False  # type: ignore[attr-defined]
            if not handle.cancelled():
                self._enqueue(handle)

    def _process_events(self, event_list: Any) -> None:
        raise AssertionError("there are no events from outside")

    def _write_to_self(self) -> None:
        return

    # What production code asks a loop for besides time.

    # The signatures are asyncio's.
    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **more: Any) -> Any:
        where = more.get("sock") or (host, port)
        return await self.network.connect(protocol_factory, *where)

    async def create_server(self, protocol_factory: Any, host: Any = None, port: Any = None, **more: Any) -> Any:
        return self.network.listen(protocol_factory, host, port)

    async def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        # A thread would take steps that no seed draws.
        return func(*args)


def context_of(process: str) -> Context:
    """A context in which everything belongs to a process."""
    context = contextvars.copy_context()
    context.run(PROCESS.set, process)
    return context


async def until(condition: Callable[[], bool], every_s: float) -> None:
    """Return once `condition` holds, looked at every so often."""
    while not condition():  # noqa: ASYNC110  # nobody tells when; a look costs nothing in virtual time
        await asyncio.sleep(every_s)


def _name(handle: asyncio.Handle) -> str:
    callback = handle._callback  # type: ignore[attr-defined]  # asyncio keeps it private
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        coroutine: Any = owner.get_coro()
        return str(getattr(coroutine, "__qualname__", "task"))
    return str(getattr(callback, "__qualname__", type(callback).__name__))


def run(seed: int, main: Callable[[DeterministicLoop], Coroutine[Any, Any, T]]) -> T:
    """Run `main` on a loop of its own, and clear away whatever it left."""
    loop = DeterministicLoop(seed)
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(main(loop))
    finally:
        _clear_away(loop)
        for end in loop.endings:
            end()
        asyncio.set_event_loop(None)
        loop.close()


def _clear_away(loop: DeterministicLoop) -> None:
    # Left to the garbage collector, the coroutines of killed processes would run their `finally` blocks in the middle
    # of another run.
    loop.set_exception_handler(lambda *_: None)
    if loop.network is not None:
        loop.network.close()
    for _ in range(20):
        loop.exhume()
        left = asyncio.all_tasks(loop)
        if not left:
            return
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.wait(left, timeout=5))
