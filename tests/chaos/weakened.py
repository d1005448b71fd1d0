"""`tidegate` with one thing taken out of its protocol, so that the runs have something to find: a process of its own.

CHAOS_WEAKNESS=<name> python -m tests.chaos.weakened serve --config FILE
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any, Final

from tidegate.cli import main
from tidegate.gateway.keeping import Keeping
from tidegate.gateway.message import Message
from tidegate.gateway.settling import Settling
from tidegate.recovery import Recovery
from tidegate.tasks import spawn
from tidegate.upstream import Unknown, Upstream

VARIABLE: Final = "CHAOS_WEAKNESS"
_LATER_S: Final = 1.5


def _replace(owner: type, name: str, weaker: Callable[..., Any]) -> None:
    setattr(owner, name, weaker)


def _sends_again() -> None:
    """What nobody knows the outcome of is sent again."""
    post: Any = Upstream.post

    async def again(self: Upstream, *args: Any) -> Any:
        result = await post(self, *args)
        return await post(self, *args[:-1], lambda: True) if isinstance(result, Unknown) else result

    _replace(Upstream, "post", again)


def _gives_back() -> None:
    """What nobody knows the outcome of gives its place back."""

    def unknown(self: Settling, message: Message, cause: str) -> None:
        self.unsent(message, cause)

    _replace(Settling, "unknown", unknown)


def _promises_early() -> None:
    """What is to be queued is promised first, and written down a little later."""
    keep: Any = Keeping.keep

    async def later(self: Keeping, *args: Any, **options: Any) -> None:
        async def kept() -> None:
            await asyncio.sleep(_LATER_S)
            await keep(self, *args, **options)

        spawn(kept(), "kept later")

    _replace(Keeping, "keep", later)


def _forgets() -> None:
    """What a store has lost is not written down again."""

    async def nothing(self: Recovery, *_: Any) -> None:
        return None

    _replace(Recovery, "_write_again", nothing)
    _replace(Recovery, "_settle_again", nothing)


WEAKNESSES: Final[dict[str, Callable[[], None]]] = {
    "sends again": _sends_again,
    "gives back": _gives_back,
    "promises early": _promises_early,
    "forgets": _forgets,
}


if __name__ == "__main__":
    WEAKNESSES[os.environ[VARIABLE]]()
    main()
