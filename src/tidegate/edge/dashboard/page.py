"""A page: where it is, what it shows, and how that is gathered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tidegate.edge.calls import Call

Gather = Callable[[Call], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Page:
    """A row of the table of pages.

    `path`: below `/dashboard`, with `{parts}` as in the route table. `gather`: the context of `template`; raises Denial
    for what is not there, or not the app's to see. `nav`: its name in the navigation; None: it is not there.
    `every_s`: how often it is looked after while somebody watches it. `has_feed`: what is decided is told on it, as it
    happens, instead.
    """

    path: str
    template: str
    gather: Gather
    nav: str | None = None
    every_s: float = 1.0
    has_feed: bool = False
