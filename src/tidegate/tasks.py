"""Background tasks that can't be lost: referenced until they end, their failures told to the loop's handler."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final, TypeVar

T = TypeVar("T")
_AGAIN_S: Final = 0.05
_BEGIN_AGAIN_S: Final = 1.0

_running: set[asyncio.Task[Any]] = set()


def spawn(work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    """Run `work` beside the caller. The loop itself keeps only a weak reference to a task: this keeps a strong one."""
    task = asyncio.get_running_loop().create_task(work, name=name)
    _running.add(task)
    task.add_done_callback(_ended)
    return task


def _ended(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if task.cancelled() or task.exception() is None:
        return
    context = {"message": f"task {task.get_name()} failed", "exception": task.exception(), "task": task}
    task.get_loop().call_exception_handler(context)


async def lasting(duty: Callable[[], Coroutine[Any, Any, None]], name: str, pause_s: float = _BEGIN_AGAIN_S) -> None:
    """Do what a node does for as long as it runs, until it ends by itself or is cancelled.

    A fault of ours in it is told to the loop's handler, and it is begun again after `pause_s`: whoever has a duty alone
    must not lose it for good over one record that it can't bear.
    """
    while True:
        try:
            return await duty()
        except Exception as fault:
            context = {"message": f"{name} failed, and is begun again", "exception": fault}
            asyncio.get_running_loop().call_exception_handler(context)
        await asyncio.sleep(pause_s)


async def cancelled(tasks: Iterable[asyncio.Task[Any]], timeout_s: float) -> None:
    """Cancel tasks and return when they have ended, or after `timeout_s`.

    A cancellation that comes while the store's client gives up a connection can get lost: so it is said again.
    """
    left, tries = set(tasks), max(1, int(timeout_s / _AGAIN_S))
    for _ in range(tries):
        for task in left:
            task.cancel()
        if left:
            _, left = await asyncio.wait(left, timeout=_AGAIN_S)
