"""Webhooks that wait for the apps that they are to be handed to: durable lines, leases with a fence, dead letters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from tidegate.store.batch import Batch
from tidegate.store.faults import store_faults
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient, script
from tidegate.store.sealing import Seal

_DAY_MS: Final = 86_400_000
#: What waits for longer is dead. Meta tries its own deliveries for 7 days.
DEAD_AFTER_MS: Final = 7 * _DAY_MS
#: So long the dead can be tried again.
DEAD_KEPT_MS: Final = 14 * _DAY_MS
#: Longer than Meta repeats a delivery.
_REMEMBERED_MS: Final = 9 * _DAY_MS
#: Nothing of an app outlives this, even where nobody looks after it any more.
KEPT_MS: Final = DEAD_AFTER_MS + DEAD_KEPT_MS + _DAY_MS
#: So many failures in a row, and an app counts as down: it is tried with one line at a time.
DOWN_AFTER: Final = 4
#: Of a parcel's name.
NAME_BYTES: Final = 12

Outcome = Literal["delivered", "failed", "later", "dead"]


@dataclass(frozen=True, slots=True)
class Parcel:
    """A webhook for an app. `name` stands for its content, `line` for whose it is; `day` is of what it tells.

    `message_id`: the gateway's id of the message whose status it tells, while it is open which id its sender was given.
    """

    app: str
    name: bytes
    line: str
    day: int
    kind: str
    body: bytes = field(repr=False)
    message_id: str = ""


class Given(NamedTuple):
    """Under which id a message's sender knows it: the gateway's, Meta's, or neither yet."""

    is_known: bool
    is_ours: bool

    @classmethod
    def read(cls, word: bytes) -> Given:
        """As the scripts say it."""
        return cls(word != b"", word == b"gateway")


@dataclass(frozen=True, slots=True)
class Leased:
    """A parcel that is this node's to deliver until its lease ends. `fence` is that end; `taken_at_ms` its receipt."""

    app: str
    name: bytes
    line: str
    fence: int
    sealed: bytes = field(repr=False)
    taken_at_ms: int
    tries: int
    message_id: str
    given: Given
    failures: int
    """Of its app, in a row, when it was claimed."""


@dataclass(frozen=True, slots=True)
class Lease:
    """What `claim` gave at `now_ms`; `wake_at_ms`: when there will be more (None: nobody knows).

    `buried`: how many have become dead by it.
    """

    now_ms: int
    wake_at_ms: int | None
    buried: int
    parcels: tuple[Leased, ...]


class Room(NamedTuple):
    """What may be kept for one app, dead letters among it: so many webhooks, of so many bytes in the store."""

    most: int
    most_bytes: int


class Taken(NamedTuple):
    """What became of a parcel. `is_new`: kept now; False: it was before; None: it was left out, there is no room.

    `dropped`: how many dead letters were dropped to make room for it.
    """

    is_new: bool | None
    dropped: int = 0


class Answer(NamedTuple):
    """How the app took a parcel: its line is tried again after `wait_ms`, the app at all after `hold_ms`."""

    portfolio: str
    parcel: Leased
    outcome: Outcome
    error: str = ""
    wait_ms: int = 0
    hold_ms: int = 0


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for an app, and how it took the last of it. Times in ms, None for never.

    `kept_bytes`: of what waits and what is dead. `left_out`, `dropped`: for want of room, ever since; of what came new,
    and of dead letters.
    """

    waiting: int
    oldest_at_ms: int | None
    failures: int
    held_until_ms: int | None
    error: str | None
    error_at_ms: int | None
    delivered_at_ms: int | None
    dead: int
    kept_bytes: int = 0
    left_out: int = 0
    left_out_at_ms: int | None = None
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A parcel that was given up; `name` (hex) is how it is asked for."""

    name: str
    kind: str
    taken_at_ms: int
    died_at_ms: int
    tries: int
    error: str


class Relays:
    """What waits for the apps of all portfolios. Every method may be repeated, and raises StoreUnavailable."""

    def __init__(self, client: StoreClient, portfolios: Iterable[str], seal: Seal) -> None:
        """`seal` encrypts the bodies and names their content."""
        self._client = client
        self._seal = seal
        self._keys = {portfolio: PortfolioKeys(portfolio) for portfolio in portfolios}
        self._answers = {portfolio: Batch(self._write) for portfolio in self._keys}

    def name(self, told: bytes, app: str) -> bytes:
        """What stands for a webhook's content and the app that it is for."""
        return bytes.fromhex(self._seal.name(app.encode() + b"\0" + told))[:NAME_BYTES]

    async def take(self, portfolio: str, parcels: Sequence[Parcel], room: Room) -> list[Taken]:
        """Keep parcels, as far as there is room. On return they are as durable as any promise."""
        await self._seal.ready()
        until_ms = self._seal.now_ms() + KEPT_MS
        args: list[str | bytes | int] = [_REMEMBERED_MS, KEPT_MS, room.most, room.most_bytes]
        for parcel in parcels:
            sealed = self._seal.close(bound_to(parcel.app, parcel.name), parcel.body, until_ms)
            args += (parcel.app, parcel.name, parcel.day, parcel.line, sealed, parcel.message_id, parcel.kind)
        answer = await script("relay_take").repeatable(self._client, self._keys[portfolio].all, args)
        return [Taken(None if answer[i] < 0 else answer[i] == 1, answer[i + 1]) for i in range(1, len(answer), 2)]

    async def claim(
        self, portfolio: str, app: str, most: int, lease_ms: int, dead_after_ms: int = DEAD_AFTER_MS
    ) -> Lease:
        """Lease the first of up to `most` lines of an app whose time has come; what waited for longer is dead."""
        args: list[str | bytes | int] = [app, most, lease_ms, dead_after_ms, DEAD_KEPT_MS, DOWN_AFTER]
        answer = await script("relay_claim")(self._client, self._keys[portfolio].all, args)
        parcels = tuple(_leased(app, answer[2], answer[i : i + 8]) for i in range(4, len(answer), 8))
        return Lease(answer[0], answer[1] or None, answer[3], parcels)

    async def open(self, parcel: Leased) -> bytes:
        """The body of a parcel. Raises BrokenSeal."""
        return await self._seal.open(bound_to(parcel.app, parcel.name), parcel.sealed)

    async def answer(self, answer: Answer) -> None:
        """Write down how a parcel was taken; answers of one moment go together."""
        await self._answers[answer.portfolio](answer)

    async def _write(self, answers: list[Answer]) -> list[None]:
        args: list[str | bytes | int] = [DEAD_KEPT_MS]
        for told in answers:
            parcel = told.parcel
            args += (parcel.app, parcel.name, parcel.line, parcel.fence, told.outcome, told.error)
            args += (told.wait_ms, told.hold_ms, parcel.failures)
        await script("relay_answer").repeatable(self._client, self._keys[answers[0].portfolio].all, args)
        return [None] * len(answers)

    async def backlog(self, portfolio: str, app: str) -> Backlog:
        """What waits for an app."""
        keys = self._keys[portfolio]
        with store_faults:
            waiting: Any = await self._client.zcard(keys.relay("order", app))
            oldest: Any = await self._client.zrange(keys.relay("order", app), 0, 0, withscores=True)
            dead: Any = await self._client.zcard(keys.relay("dead", app))
            state: Any = await self._client.hgetall(keys.relay("app", app))

        def number(name: bytes) -> int | None:
            return int(state[name]) if state.get(name) else None

        return Backlog(
            waiting=waiting,
            oldest_at_ms=int(oldest[0][1]) if oldest else None,
            failures=number(b"failures") or 0,
            held_until_ms=number(b"held_until"),
            error=state.get(b"error", b"").decode("utf-8", "replace") or None,
            error_at_ms=number(b"error_at"),
            delivered_at_ms=number(b"delivered_at"),
            dead=dead,
            kept_bytes=(number(b"bytes") or 0) if waiting + dead else 0,
            left_out=number(b"left_out") or 0,
            left_out_at_ms=number(b"left_out_at"),
            dropped=number(b"dropped") or 0,
        )

    async def dead(self, portfolio: str, app: str, most: int) -> list[DeadLetter]:
        """The dead letters of an app that can be tried again, the latest first."""
        keys = self._keys[portfolio]
        letters = []
        with store_faults:
            names: Any = await self._client.zrange(keys.relay("dead", app), 0, most - 1, desc=True)
            for name in names:
                fields: Any = await self._client.hmget(
                    keys.relay_item(app, name), ["kind", "at", "died_at", "tries", "error"]
                )
                if fields[1] is not None:
                    letters.append(_letter(name, fields))
        return letters

    async def replay(self, portfolio: str, app: str, names: Sequence[str], most: int) -> int:
        """Have dead letters tried again, all of `names` (hex) or up to `most` of the oldest; how many that are."""
        args: list[str | bytes | int] = [app, KEPT_MS, most, *map(bytes.fromhex, names)]
        return int(await script("relay_replay").repeatable(self._client, self._keys[portfolio].all, args))

    async def ended(self, portfolio: str, most: int) -> list[tuple[str, int]]:
        """Promised messages that ended unsent, whose apps have not been told: ids, and when they ended (ms)."""
        with store_faults:
            found: Any = await self._client.zrange(self._keys[portfolio].relay("ended"), 0, most - 1, withscores=True)
        return [(message_id.decode(), int(at)) for message_id, at in found]

    async def told(self, portfolio: str, message_ids: Sequence[str]) -> None:
        """The reports of these messages wait for their apps."""
        with store_faults:
            await self._client.zrem(self._keys[portfolio].relay("ended"), *message_ids)


def bound_to(app: str, name: bytes) -> str:
    """What the body of a webhook is bound to."""
    return f"relay:{app}:{name.hex()}"


def _leased(app: str, failures: int, item: Sequence[Any]) -> Leased:
    name, line, fence, sealed, taken_at, tries, message_id, given = item
    return Leased(
        app=app,
        name=name,
        line=line.decode(),
        fence=int(fence),
        sealed=sealed,
        taken_at_ms=int(taken_at),
        tries=int(tries),
        message_id=message_id.decode(),
        given=Given.read(given),
        failures=failures,
    )


def _letter(name: bytes, fields: Sequence[bytes | None]) -> DeadLetter:
    kind, at, died_at, tries, error = ((value or b"0").decode("utf-8", "replace") for value in fields)
    return DeadLetter(name.hex(), kind, int(at), int(died_at), int(tries), error)
