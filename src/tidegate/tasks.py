"""Background tasks that can't be lost: referenced until they end, their failures told to the loop's handler."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_running: set[asyncio.Task[Any]] = set()


def spawn(work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    """Run `work` beside the caller. The loop itself keeps only a weak reference to a task: this keeps a strong one."""
    task = asyncio.create_task(work, name=name)
    _running.add(task)
    task.add_done_callback(_ended)
    return task


def _ended(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if task.cancelled() or task.exception() is None:
        return
    context = {"message": f"task {task.get_name()} failed", "exception": task.exception(), "task": task}
    task.get_loop().call_exception_handler(context)
