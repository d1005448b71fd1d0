"""The platform in this process: an Upstream that asks the simulated world itself, without HTTP. For the trial only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from yarl import URL

from tidegate.simulator import reads
from tidegate.simulator.answers import Answer, unknown_object
from tidegate.simulator.world import World
from tidegate.upstream import NotSent, Response, Unknown, Upstream

BASE: Final = "http://platform.invalid"


@dataclass(slots=True)
class WorldUpstream(Upstream):
    """Takes the place of the client: sends are taken, and nodes are read, as soon as they are asked for.

    `stir` is called after each send.
    """

    base_url: str = BASE
    timeout_s: float = 10.0
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    world: World = field(default_factory=World)
    clock: Callable[[], int] = lambda: 0
    stir: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Nothing has to be opened."""

    async def close(self) -> None:
        """Nothing has to be closed."""

    @property
    def session(self) -> Any:
        """What Graph is read through."""
        return _Session(self.world, self.clock)

    async def post(
        self,
        number: str,
        raw_path: str,
        body: bytes,
        headers: Mapping[str, str],
        may_start: Callable[[], bool],
    ) -> Response | NotSent | Unknown:
        """POST one message, once."""
        if not may_start():
            return NotSent("it was not to start any more", lapsed=True)
        lite = raw_path.partition("?")[0].endswith("/marketing_messages")
        answer = self.world.post_message(
            number, self.tokens[number], orjson.loads(body), self.clock(), marketing_endpoint=lite
        )
        self.stir()
        return Response(answer.http_status, b"", orjson.dumps(answer.body))


@dataclass(frozen=True, slots=True)
class _Read:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    async def read(self) -> bytes:
        return self.body


@dataclass(frozen=True, slots=True)
class _Session:
    """The one verb of a client session that is used for reads."""

    world: World
    clock: Callable[[], int]

    @asynccontextmanager
    async def get(self, url: URL, **_options: Any) -> AsyncIterator[_Read]:
        now_ms = self.clock()
        self.world.catch_up(now_ms)
        answer = self._answer(url, now_ms)
        yield _Read(answer.http_status, orjson.dumps(answer.body))

    def _answer(self, url: URL, now_ms: int) -> Answer:
        estate, query = self.world.estate, dict(url.query)
        _, object_id, *edge = url.path.strip("/").split("/")
        number, waba = estate.numbers.get(object_id), estate.wabas.get(object_id)
        if number is not None and not edge:
            return reads.number_read(estate, number, query, now_ms)
        if waba is not None and edge == ["message_templates"]:
            return reads.template_list(estate, waba, query, str(url), now_ms)
        if waba is not None and not edge:
            return reads.waba_read(estate, waba, query, now_ms)
        return unknown_object(object_id, "GET")
