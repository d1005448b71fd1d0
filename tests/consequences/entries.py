"""What an entry of the tables says: what is told, which sends stop, and how they may go again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from tests.consequences.scripted_graph import ScriptedGraph
from tests.consequences.world import SENDS, WABA, World
from tidegate.policy.verdict import Reason

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS

Tell = Callable[[World], Awaitable[Any]]

# Which sends a consequence concerns.
NONE: Final[frozenset[str]] = frozenset()
ALL: Final = frozenset(SENDS)
REPLIES: Final = frozenset({"a reply", "a reply to another user", "a reply from the second number"})
OF_PORTFOLIO: Final = ALL - {"another portfolio"}
OF_WABA: Final = OF_PORTFOLIO - {"another account", "the user from another account"}
OF_NUMBER: Final = OF_WABA - {
    "the template from the second number",
    "the user from the second number",
    "the second number",
    "a reply from the second number",
}
INITIATED: Final = ALL - REPLIES
UTILITY: Final = frozenset({"utility", "direct send"})
MARKETING: Final = INITIATED - UTILITY - {"a login code"}
TO_USER: Final = frozenset(name for name in OF_PORTFOLIO if SENDS[name].to == SENDS["the template"].to)
OF_PAIR: Final = TO_USER & OF_NUMBER
ONE: Final = frozenset({"the template", "the template from the second number"})


@dataclass(frozen=True, slots=True)
class AfterTime:
    """When its time is up: at once, or (`trickle_ms`) one by one until so many of them went well."""

    span_ms: int
    trickle_ms: int | None = None
    probes: int = 1

    def __str__(self) -> str:
        return "it is over after its time" if self.trickle_ms is None else "after its time it is tried one by one"


@dataclass(frozen=True, slots=True)
class AfterFailure:
    """A probe that fails when the time is up holds for this long again."""

    span_ms: int
    again_ms: int
    tell: Tell

    def __str__(self) -> str:
        return "a probe that fails makes it longer"


@dataclass(frozen=True, slots=True)
class AfterRead:
    """When Graph says so, asked after it: closed."""

    says: Callable[[ScriptedGraph], None] = lambda graph: None
    name: str = "a read of Graph proves that it is over"

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class AfterWord:
    """When a webhook says so: half open, or (not `tries`) as before. It never closes."""

    tell: Tell
    tries: bool

    def __str__(self) -> str:
        return f"a webhook alone {'lets one send try' if self.tries else 'changes nothing'}"


@dataclass(frozen=True, slots=True)
class ByHand:
    """When an operator says so."""

    def __str__(self) -> str:
        return "an operator closes it"


@dataclass(frozen=True, slots=True)
class AfterTold:
    """When this is told, whoever tells it: it is the user's own word, or the business's."""

    tell: Tell
    name: str

    def __str__(self) -> str:
        return self.name


Ending = AfterTime | AfterFailure | AfterRead | AfterWord | ByHand | AfterTold


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the tables. `row`: of the consequences C1 to C23; `codes`: error codes that it shows."""

    id: str
    tell: Tell
    stops: frozenset[str]
    reason: Reason | None = None
    until_ms: int | None = None
    """When it ends, from when it was told; None: at no known time."""
    endings: tuple[Ending, ...] = ()
    rule: str = ""
    """The rule of the breaker that opens, or of the alert."""
    row: str = ""
    codes: tuple[int, ...] = ()
    alerts: bool = False

    @property
    def witness(self) -> str:
        """One of the sends that it stops, a template where there is one."""
        return next(name for name in SENDS if name in self.stops)


def entries(
    codes: tuple[int, ...], sentence: str, by: Callable[[int], Tell], *stops: Any, **more: Any
) -> Iterator[Entry]:
    """One entry for each code; how it opens again belongs to the rule, so the first one shows it for all."""
    for place, code in enumerate(codes):
        entry = replace(Entry(f"{code} {sentence}", by(code), *stops, **more), codes=(code,))
        yield entry if place == 0 else replace(entry, endings=())


def answered(code: int, name: str = "the template", times: int = 1) -> Tell:
    """Meta refuses a send with this code, or several."""

    async def tell(world: World) -> None:
        for _ in range(times):
            await world.refused(code, name)

    return tell


def failed(code: int) -> Tell:
    """A message that Meta has taken fails with this code."""

    async def tell(world: World) -> None:
        await world.failed(code)

    return tell


def hook(field: str, **value: Any) -> Tell:
    """A webhook on the account or its first number."""

    async def tell(world: World) -> None:
        await world.hook(field, value)

    return tell


def of_template(field: str, **value: Any) -> Tell:
    """A webhook on the template."""
    named = {"message_template_id": 7, "message_template_name": "offer", "message_template_language": "en_US"}
    return hook(field, **named, **value)


def account(event: str, *restrictions: str, until_ms: int | None = None, **value: Any) -> Tell:
    """An `account_update`; restrictions that end `until_ms` from now, where that is told."""

    async def tell(world: World) -> None:
        told: list[dict[str, Any]] = [{"restriction_type": restriction} for restriction in restrictions]
        if until_ms is not None:
            ends_s = (await world.now_ms() + until_ms) // 1000
            # Meta writes it as a number on one page, and as a string on another.
            told = [part | {"expiration": str(ends_s) if i else ends_s} for i, part in enumerate(told)]
        await world.hook("account_update", {"event": event, **value} | ({"restriction_info": told} if told else {}))

    return tell


def read(node: str = WABA, *, rule: str = "", **fields: Any) -> Tell:
    """Graph says this of a node; returns when `rule` has a breaker."""

    async def tell(world: World) -> None:
        await world.reads(lambda graph: graph.say(node, **fields))
        if rule:
            await world.until_breaker(rule)

    return tell


def says(node: str, **fields: Any) -> Callable[[ScriptedGraph], None]:
    """What a read is to find."""
    return lambda graph: graph.say(node, **fields)
