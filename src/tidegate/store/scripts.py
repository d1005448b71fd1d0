"""The Lua scripts: read from the package, put together, run by their hash."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import re
import weakref
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from tidegate.errors import StoreNotAsked, StoreUnavailable
from tidegate.metrics import Metrics
from tidegate.store.cluster import Cluster
from tidegate.store.faults import as_raised, store_faults
from tidegate.store.promises import Promises
from tidegate.store.wire import Timer, Wire

#: Together with the client's own timeout less than half a second: that long may a caller wait for a 503.
SECOND_TRY_S: Final = 0.2

StoreClient = Redis | Cluster
"""What speaks to the store. fakeredis' asyncio client is a `Redis` too."""

_LUA = resources.files("tidegate.store").joinpath("lua")
_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_USES = re.compile(r"^-- uses: *(.+)$", re.ASCII | re.MULTILINE)
_WITH = re.compile(r"^ *-- with: *(.+)$", re.ASCII | re.MULTILINE)
_PROMISED = re.compile(r"^-- promised$", re.ASCII | re.MULTILINE)


class Timers(dict[str, Timer | None]):
    """By script: is told how long each of its runs took; None where nobody wants to know."""

    def __init__(self, metrics: Metrics | None) -> None:
        super().__init__()
        self._metrics = metrics

    def __missing__(self, script: str) -> Timer | None:
        timer = self[script] = self._metrics.store_timer(script) if self._metrics is not None else None
        return timer


@dataclass(slots=True)
class Way:
    """How scripts of one client are run. `wire`: None where each call goes the client's own way."""

    replicas: int = 0
    metrics: Metrics | None = None
    timers: Timers = field(default_factory=lambda: Timers(None))
    wire: Wire | None = None
    promises: Promises | None = None


_ways: weakref.WeakKeyDictionary[StoreClient, Way] = weakref.WeakKeyDictionary()


def way_of(client: StoreClient) -> Way:
    """How scripts of this client are run; the same object each time."""
    way = _ways.get(client)
    if way is None:
        way = _ways[client] = Way()
    return way


def require_replicas(client: StoreClient, replicas: int) -> None:
    """Have so many replicas hold whatever is promised by way of this client, before it is promised.

    Raises ValueError for a client by which nobody can be waited for: a cluster's.
    """
    way = way_of(client)
    if replicas and way.promises is None:
        raise ValueError("replicas can't be waited for by way of this client")
    way.replicas = replicas


def time_scripts(client: StoreClient, metrics: Metrics) -> None:
    """Tell these metrics how long each script takes that is run by way of this client, and which got no answer."""
    way = way_of(client)
    way.metrics, way.timers = metrics, Timers(metrics)


def run_by(client: StoreClient, wire: Wire, promises: Promises) -> None:
    """Have scripts of this client run by way of wires to the same server."""
    way = way_of(client)
    way.wire, way.promises = wire, promises


class Script:
    """One Lua script of `store/lua/`, ready to be run: one script, one verb.

    Its header may hold one line `-- uses: time, places`: the fragments `lua/_time.lua` and
    `lua/_places.lua` are then put before its own text, in this order, so that it knows what they declare
    `local`. A line `-- with: places` in its text is that fragment itself, right there: inside a function whose
    fragments are made only where it is called, for a call makes each function of its script anew. Fragments use
    no fragments. A line `-- promised` says that a promise rests on what it writes.

    Raises LookupError if there is no such script or fragment, ValueError if its `uses` can't be understood.
    """

    __slots__ = ("is_promised", "name", "sha", "text")

    name: Final[str]  #: the stem of its file
    text: Final[str]  #: all of it, as it is sent: fragments first
    sha: Final[str]  #: what EVALSHA calls it: 40 hex digits
    is_promised: Final[bool]  #: whether replicas have to hold what it wrote, where any have to hold anything

    def __init__(self, name: str, folder: Traversable = _LUA) -> None:
        self.name = name
        self.text = _put_together(folder, name)
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        self.is_promised = _PROMISED.search(_header(_read(folder, name))) is not None

    async def __call__(
        self, client: StoreClient, keys: Sequence[str | bytes], args: Sequence[str | bytes | int]
    ) -> Any:
        """Run it once and return the server's answer, undecoded. In a cluster all `keys` must share one slot.

        A server that does not know the script (restarted, failed over, flushed) has proven that it ran
        nothing, so the text is sent once instead. Nothing else is tried again here: after a lost answer the
        script may have run.

        Raises StoreUnavailable when the store is in trouble, or too few replicas hold what was written. A script that
        breaks raises redis' ResponseError: that is a bug.
        """
        way = way_of(client)
        metrics, timer = way.metrics, way.timers[self.name]
        if metrics is None or timer is None:
            return await self._run(client, way, keys, args)
        now_s = asyncio.get_running_loop().time
        began_s = now_s()
        try:
            answer = await self._run(client, way, keys, args)
        except StoreUnavailable:
            metrics.store_failed(self.name)
            raise
        timer(now_s() - began_s)
        return answer

    def begin(
        self,
        client: StoreClient,
        way: Way,
        keys: Sequence[str | bytes],
        args: Sequence[str | bytes | int],
        told: Callable[[Any], None],
    ) -> bool:
        """Run it once where that takes no waiting: it is sent in this step. False: nothing was asked, and `told` is let
        go; else that is called with the answer, undecoded, or with redis' fault, for which `raised` has what a call
        would raise.

        `way`: the client's, by `way_of`, for which whoever calls often asks once. A server that does not know the
        script says so by a NoScriptError. `told` must not raise.
        """
        words = ("EVALSHA", self.sha, len(keys), *keys, *args)
        timer = way.timers[self.name]
        if way.replicas and self.is_promised and way.promises is not None:
            return way.promises.begin(way.replicas, keys[0], words, told, timer)
        wire = way.wire
        if wire is None and isinstance(client, Cluster):
            wire = client.wire_to(keys[0])
        line = wire.line if wire is not None else None
        if line is None:
            return False
        line.ask(words, told, timer)
        return True

    def raised(self, way: Way, fault: Exception) -> Exception:
        """What a call raises for a fault, of which the metrics hear."""
        raised = as_raised(fault)
        if way.metrics is not None and isinstance(raised, StoreUnavailable):
            way.metrics.store_failed(self.name)
        return raised

    async def _run(
        self, client: StoreClient, way: Way, keys: Sequence[str | bytes], args: Sequence[str | bytes | int]
    ) -> Any:
        call: Callable[..., Awaitable[Any]] = client.execute_command if way.wire is None else way.wire.call
        if self.is_promised and way.replicas and way.promises is not None:
            call = partial(way.promises.call, way.replicas, keys[0])
        with store_faults:
            try:
                return await call("EVALSHA", self.sha, len(keys), *keys, *args)
            except NoScriptError:
                return await call("EVAL", self.text, len(keys), *keys, *args)

    async def repeatable(
        self, client: StoreClient, keys: Sequence[str | bytes], args: Sequence[str | bytes | int]
    ) -> Any:
        """Run a script that changes nothing when it runs twice: once more when no answer came, with less patience.

        A stalled event loop, or a pause of the store's, is no fault of it; two in a row are. Raises StoreUnavailable;
        StoreNotAsked only where neither call left.
        """
        try:
            return await self(client, keys, args)
        except StoreUnavailable as fault:
            return await self.again(client, keys, args, fault)

    async def again(
        self,
        client: StoreClient,
        keys: Sequence[str | bytes],
        args: Sequence[str | bytes | int],
        fault: StoreUnavailable,
    ) -> Any:
        """Run one that is repeatable for the second time, after this fault. Raises StoreUnavailable."""
        try:
            async with asyncio.timeout(SECOND_TRY_S):
                return await self(client, keys, args)
        except TimeoutError:
            raise StoreUnavailable("the store is unavailable: no answer twice") from None
        except StoreNotAsked:
            raise fault from None

    def __repr__(self) -> str:
        return f"Script({self.name!r}, {self.sha[:8]})"


@functools.cache
def script(name: str) -> Script:
    """Give the script of this name; the same object each time. Raises as `Script` does."""
    return Script(name)


def script_names() -> tuple[str, ...]:
    """Name every script, sorted; fragments are left out."""
    stems = (entry.name.removesuffix(".lua") for entry in _LUA.iterdir() if entry.name.endswith(".lua"))
    return tuple(sorted(stem for stem in stems if not stem.startswith("_")))


def _put_together(folder: Traversable, name: str) -> str:
    own = _read(folder, name)
    uses = _USES.findall(_header(own))
    if len(uses) > 1:
        raise ValueError(f"{name}.lua says twice what it uses")
    fragments = _named(uses[0]) if uses else []
    within = [fragment for found in _WITH.findall(own) for fragment in _named(found)]
    if len(set(fragments)) != len(fragments) or not set(fragments).isdisjoint(within):
        raise ValueError(f"{name}.lua uses a fragment twice")
    own = _WITH.sub(lambda found: "\n".join(_fragment(folder, fragment) for fragment in _named(found[1])), own)
    return "\n".join([*(_fragment(folder, fragment) for fragment in fragments), own])


def _named(fragments: str) -> list[str]:
    return [part.strip() for part in fragments.split(",")]


def _fragment(folder: Traversable, name: str) -> str:
    text = _read(folder, name, prefix="_")
    if _USES.search(_header(text)) or _WITH.search(text):
        raise ValueError(f"_{name}.lua is a fragment: a script must name all that it uses")
    return text


def _read(folder: Traversable, name: str, prefix: str = "") -> str:
    if not _NAME.fullmatch(name):
        raise LookupError(f"{name!r} is no name of a script")
    try:
        return folder.joinpath(f"{prefix}{name}.lua").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise LookupError(f"there is no store/lua/{prefix}{name}.lua") from None


def _header(text: str) -> str:
    lines = text.splitlines()
    end = next((number for number, line in enumerate(lines) if not line.startswith("--")), len(lines))
    return "\n".join(lines[:end])
