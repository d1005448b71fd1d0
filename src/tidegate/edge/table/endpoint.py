"""A row of the route table: what it answers, whom, and how it is described."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from tidegate.edge.calls import Call
from tidegate.edge.faces import Face, face_of
from tidegate.edge.replies import Reply
from tidegate.settings.tables import Scope

#: What is too long to be held in an answer is written as it is made.
KeyedHandler = Callable[[Call], Awaitable[Reply | web.StreamResponse]]
OpenHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_HOLE: Final = re.compile(r"\{([a-z_]+)\}")
#: Parts of a path that may hold slashes: Meta's message ids are base64.
_LONG_PARTS: Final = frozenset({"id"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter in the query or the headers, for the description."""

    name: str
    where: str
    about: str
    schema: Mapping[str, object]
    required: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path.

    `scopes`: any of them opens it; none: it is open to all. Exactly one of `keyed` and `open_to_all` handles it, or
    neither for a row of Graph's face, which is not routed by its path. `answers`: name of the schema by HTTP status;
    an empty name stands for a body without one. `body`: name of the request body's schema; `body_types`: what it may be
    where it is a stream of no schema. `answer_types`: what else the answer may be than JSON.
    """

    method: str
    path: str
    summary: str
    answers: Mapping[int, str]
    scopes: tuple[Scope, ...] = ()
    keyed: KeyedHandler | None = None
    open_to_all: OpenHandler | None = None
    body: str | None = None
    parameters: tuple[Parameter, ...] = field(default=())
    body_types: tuple[str, ...] = ()
    answer_types: tuple[str, ...] = ()

    @property
    def face(self) -> Face:
        """The face that its path belongs to."""
        return face_of(self.path)

    @property
    def route(self) -> str:
        """The path as aiohttp's router takes it."""
        return _HOLE.sub(lambda hole: f"{{{hole[1]}:{_part(hole[1])}}}", self.path)

    @property
    def pattern(self) -> re.Pattern[str]:
        """Matches the unescaped paths that it answers for."""
        return re.compile(_HOLE.sub(lambda hole: _part(hole[1]), self.path.replace(".", r"\.")))


def _part(name: str) -> str:
    return ".+" if name in _LONG_PARTS else "[^/]+"
