"""The protocol, weakened on purpose: each of these has to be found, or else the runs could find nothing.

A weakening exchanges a function of the code under test, or edits a script's text. An edit that finds nothing to edit is
an error: the script was written anew, and so has to be the edit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Final
from unittest.mock import patch

from tests.deterministic.run import Weakening
from tidegate.gateway.answered import Held
from tidegate.gateway.message import Message
from tidegate.gateway.posting import Posting
from tidegate.policy.verdict import Reason
from tidegate.store.scripts import script


@dataclass(frozen=True, slots=True)
class Variant:
    """A weakened protocol; under which profile of faults which invariants see it."""

    weakening: Weakening
    profile: str
    seen_by: frozenset[str]
    #: How many seeds may be needed.
    most: int = 12

    @property
    def seeds(self) -> range:
        return range(1, 1 + self.most)


def _edited(name: str, *edits: tuple[str, str]) -> Callable[[bytes], bytes]:
    """Edit the script of this name. Raises LookupError where there is nothing to edit."""
    whole = script(name).text
    weak = whole
    for old, new in edits:
        if old not in weak:
            raise LookupError(f"{name}.lua has no {old!r} any more")
        weak = weak.replace(old, new)
    return lambda text: weak.encode() if text == whole.encode() else text


def _both(*edits: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    def edit(text: bytes) -> bytes:
        for one in edits:
            text = one(text)
        return text

    return edit


def _posting(unknown: Callable[..., Any]) -> Callable[[], AbstractContextManager[object]]:
    @contextmanager
    def around() -> Iterator[None]:
        with patch.object(Posting, "_unknown", unknown):
            yield

    return around


def _frees(self: Posting, message: Message, cause: str) -> Held:
    self._settling.unsent(message, cause)
    return Held(message.message_id, "unknown", Reason.OUTCOME_UNKNOWN, None)


class _Retries:
    """Queues again what it knows nothing of, as a worker of most queues does."""

    def __init__(self) -> None:
        self._otherwise = Posting.otherwise

    @contextmanager
    def __call__(self) -> Iterator[None]:
        def unknown(posting: Posting, message: Message, cause: str) -> Any:
            return posting._later(message, Reason.UPSTREAM_THROTTLED, 1_000, cause)

        async def otherwise(posting: Posting, *args: Any) -> Any:
            answered: Any = await self._otherwise(posting, *args)
            return await answered if hasattr(answered, "__await__") else answered

        with patch.object(Posting, "_unknown", unknown), patch.object(Posting, "otherwise", otherwise):
            yield


def variants() -> tuple[Variant, ...]:
    """All of them."""
    admit_edits = {
        "intent": (
            ("'state', 'sending', 'attempt', attempt,", "'state', state or 'sending', 'attempt', attempt,"),
            ("is_apart = state and (body ~= '' or", "is_apart = state and (true or"),
            ("if state then met.leave(", "if false then met.leave("),
        ),
        "taken": (("if needs_place then\n        if place_ends", "if false then\n        if place_ends"),),
        "fence": (
            (
                "if state and not dry and not (state == 'queued' and record[2] == attempt) then",
                "if state and not dry and state == 'failed' then",
            ),
        ),
    }
    return (
        Variant(
            Weakening("the place is given back on a timeout", _posting(_frees)), "calm", frozenset({"S1", "S4", "S10"})
        ),
        Variant(Weakening("a timeout is tried again", _Retries()), "calm", frozenset({"S2", "S3"})),
        Variant(
            Weakening(
                "no intent before the POST: a crash forgets that it was sent",
                edit=_both(
                    _edited("admit", *admit_edits["intent"]),
                    _edited(
                        "settle",
                        (
                            "if record.state ~= 'sending' and record.state ~= 'unknown' then",
                            "if record.state ~= 'sending' and record.state ~= 'unknown' and record.state ~= 'queued'"
                            " then",
                        ),
                    ),
                ),
            ),
            # A status tells what the dead node did before another one takes the message up.
            "cut short, no word",
            frozenset({"S2", "S3"}),
        ),
        Variant(
            Weakening("the limit is looked at, and no place is taken", edit=_edited("admit", *admit_edits["taken"])),
            "calm",
            frozenset({"S1"}),
        ),
        Variant(
            Weakening("who slept past its lease sends", edit=_edited("admit", *admit_edits["fence"])),
            "zombies",
            frozenset({"S2", "S3"}),
        ),
    )


NAMES: Final = tuple(variant.weakening.name for variant in variants())
