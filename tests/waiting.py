"""Waiting for what another process or connection does: as short as it takes, never for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

_STEP_S = 0.02


async def until(check: Callable[[], Awaitable[bool]], within_s: float = 20) -> None:
    """Return as soon as `check` says so. Raises AssertionError when it does not within `within_s`."""
    for _ in range(int(within_s / _STEP_S)):
        if await check():
            return
        await asyncio.sleep(_STEP_S)
    raise AssertionError(f"it did not come true within {within_s} s")
