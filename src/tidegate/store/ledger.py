"""The counting book: places, windows, turns and intents, taken all or nothing; settled and refreshed by proof."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from msgspec import Struct

from tidegate.errors import StoreUnavailable
from tidegate.journal import Intent, Journal, JournalUnwritable
from tidegate.policy.facts import Facts
from tidegate.policy.warning_counts import KEEP_MS
from tidegate.store.asks import Ask, Questions, read_admitted
from tidegate.store.batch import Shards
from tidegate.store.keys import PortfolioKeys
from tidegate.store.outcomes import REACH_MS
from tidegate.store.scripts import StoreClient, script
from tidegate.store.statuses import REMEMBER_MS, Refreshed, Status, Statuses
from tidegate.store.trip import Trip

DAY_MS: Final = 86_400_000
#: What is unknown for so long is told of as unresolved, or tried once more where that was asked for.
UNRESOLVED_MS: Final = 900_000
#: A call that was given up on is carried out within this time, or never: longer than a kernel repeats what was not
#: acknowledged (Linux, tcp_retries2: 924 s at most before it gives up, by its default).
LATE_MS: Final = 1_200_000
#: The book is swept in so many calls at most, which is more than it has parts for.
_SWEEPS: Final = 5_000
#: Asked of the curve: all of it, what is overdue too.
_ALL: Final = -1
#: So many sends are asked for in one call. Where all that were open could go together, by and by they did: the node had
#: nothing to do while the store counted them, and the store nothing while the node sent them.
_ASKED_TOGETHER: Final = 24
#: Nobody waits for an outcome to be written: those of so long go together, and so many. An admission that comes
#: meanwhile waits for these.
_SETTLED_TOGETHER_S: Final = 0.005
_SETTLED_AT_MOST: Final = 32
#: So many values are told of a message that is settled.
_A_MESSAGE: Final = 4
#: More than any limit that is one.
EVERY_PLACE: Final = 1_000_000_000


Settled = Literal["accepted", "failed", "unknown"]
#: What outcomes that are told of together have in common: portfolio, attempt, state, whether a place comes back, cause.
_Way = tuple[str, int, Settled, bool, str]


class Outcome(Struct, gc=False):
    """How a POST ended. `release` only on proof that the user was not messaged.

    `wamid`: Meta's id of it, sealed. `once`: name of what it has claimed to be the only one of, which becomes `answer`
    (`with_answer`); "": nothing. `noted`: what the journal remembers of the send, of one that is settled in passing.
    """

    portfolio: str
    message_id: str
    attempt: int
    state: Settled
    cause: str
    wamid: str = ""
    release: bool = False
    once: str = ""
    answer: bytes = b""
    noted: Intent | None = None

    def __repr__(self) -> str:
        kind = type(self).__name__
        return f"{kind}({self.portfolio!r}, {self.message_id!r}, attempt={self.attempt}, state={self.state!r})"

    def close(self) -> bool:
        """Have all of it ready to be written down; whether something was not before. It must not raise."""
        return False


class Inbound(NamedTuple):
    """A user's message that may open a service window with a number, or Meta's word that none is, at Meta's time."""

    portfolio: str
    recipient: bytes
    number: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Books:
    """A portfolio's books at one instant: places held, and how many are expected free by second (s since 1970)."""

    now_ms: int
    epoch: int
    used: int
    releases: dict[int, int]


class Ledger:
    """The ledger of all portfolios of this store. Every method raises StoreUnavailable."""

    def __init__(
        self,
        client: StoreClient,
        portfolios: Iterable[str],
        ranks: dict[str, int],
        *,
        one_slot: bool,
        journal: Journal | None = None,
    ) -> None:
        """`ranks` orders the states of a message. `one_slot`: a call may not span portfolios (a cluster).

        `journal`: where all is noted that the books would have to be told again, had the store lost it.
        """
        self._client = client
        self._journal = journal or Journal()
        #: Whether what it is told outlives this process in the journal.
        self._notes_at_once = self._journal.is_durable
        self._keys = {portfolio: PortfolioKeys(portfolio) for portfolio in portfolios}
        admits: Trip[Ask, Facts] = Trip(client, script("admit"), Questions(self._keys).of, self._seen, self._asked)
        self._asks = Shards(admits, one_slot, most=_ASKED_TOGETHER)
        settles: Trip[Outcome, int] = Trip(client, script("settle"), self._ended, _freed)
        self._outcomes = Shards(settles, one_slot, _SETTLED_TOGETHER_S, self._settled, _SETTLED_AT_MOST, _kind_of_send)
        #: The last call whose sends all ended in one way, and how that was told: so have those of the next one, mostly.
        self._runs: list[tuple[_Way, int]] = []
        self._ways: tuple[list[bytes], list[Any]] = [], []
        self.statuses: Final = Statuses(client, self._keys, ranks, one_slot=one_slot, journal=self._journal)
        self._refreshes = Shards(self.statuses.apply, one_slot)
        self._inbounds = Shards(self._open_window, one_slot)
        #: Called with those that `admit` was just asked for, while it works; must not raise.
        self.on_asked: Callable[[list[Ask]], None] = lambda asks: None
        #: Called with outcomes that were settled in passing, once they are written, or with the fault; must not raise.
        self.on_settled: Callable[[list[Outcome], Exception | None], None] = lambda outcomes, fault: None

    async def admit(self, ask: Ask) -> Facts:
        """Take what the terms ask for and write the intent, or take nothing; say what was seen either way."""
        return await self._asks[ask.intent.portfolio].put(ask)

    def admitting(self, portfolio: str) -> Callable[[Ask], asyncio.Future[Facts]]:
        """What gives the same as a future, of sends of this portfolio."""
        return self._asks[portfolio].put

    async def settle(self, outcome: Outcome) -> bool:
        """Write an outcome down, and count it if Meta took it; whether it gave a place back."""
        outcome.close()
        portfolio, message_id, attempt = outcome.portfolio, outcome.message_id, outcome.attempt
        self._journal.ended(portfolio, message_id, attempt, outcome.state, outcome.wamid)
        return await self._outcomes[portfolio].put(outcome) == 1

    def settling(self, portfolio: str) -> Callable[[Outcome], None]:
        """What does the same in passing, of one of this portfolio that gives no place back: `on_settled` is told of it.

        It is closed as late as it may be: off the way of the answer, and those of a moment one after the other. Then a
        journal that is a memory only is told of it as well; one that outlives this process is told at once.
        """
        pass_on = self._outcomes[portfolio].in_passing
        if not self._notes_at_once:
            return pass_on

        def note_and_pass_on(outcome: Outcome) -> None:
            outcome.close()
            if outcome.noted is not None:
                self._journal.end(outcome.noted, outcome.state, outcome.wamid)
            pass_on(outcome)

        return note_and_pass_on

    async def refresh(self, status: Status) -> Refreshed:
        """Apply a status webhook to its message and the place that it holds."""
        return await self._refreshes[status.kind.portfolio].put(status)

    async def open_window(self, inbound: Inbound) -> int:
        """Open a service window; its end (ms), 0 when none is open."""
        self._journal.window(inbound.portfolio, inbound.number, inbound.recipient, inbound.at_ms)
        return await self._inbounds[inbound.portfolio].put(inbound)

    def remember_window(self, inbound: Inbound) -> None:
        """Note a service window while the store is away."""
        self._journal.window(inbound.portfolio, inbound.number, inbound.recipient, inbound.at_ms)

    async def close_window(self, inbound: Inbound) -> None:
        """Forget a service window that Meta says is closed at a time; a newer message of the user's keeps it open."""
        keys = self._keys[inbound.portfolio].all
        args: list[bytes | str | int] = [0, inbound.recipient, inbound.number, inbound.at_ms]
        await script("close_window").repeatable(self._client, keys, args)

    async def move_user(self, portfolio: str, alias: bytes, user: bytes, numbers: Sequence[str]) -> bool:
        """Count under `user` what was counted under `alias`, from now on and so far: places, windows, turns, queue.

        `numbers`: those of the portfolio. True when both held a place, so that one came free.
        """
        answer = await script("move_user").repeatable(self._client, self._keys[portfolio].all, [alias, user, *numbers])
        return bool(answer[1])

    async def books(self, portfolio: str, app: str = "", *, curve: bool = True) -> Books:
        """Places and the release curve of one portfolio; with `app`, of those that are of its share (epoch 0).

        Without the `curve` its `releases` are empty: of a day's 86,400 seconds it takes the node 300 ms.
        """
        return await self._books(portfolio, app, _ALL if curve else 0)

    async def books_freeing(self, portfolio: str, places: int, app: str = "") -> Books:
        """The books with as much of the curve as frees so many places from now on, or all of it where it never does.

        Of more than a thousand seconds only the next release and ten minutes' are told by the second; what follows by
        the minute, at the last second that frees a place: never too early.
        """
        return await self._books(portfolio, app, max(0, places))

    async def _books(self, portfolio: str, app: str, places: int) -> Books:
        keys, answer = self._keys[portfolio].all, [0, 0, 0, 1]
        asked: list[str | bytes | int] = [app, places]
        for _ in range(_SWEEPS):
            answer = await script("capacity")(self._client, keys, asked)
            if not answer[3]:
                break
        pairs = answer[4:]
        return Books(answer[0], answer[1], answer[2], dict(zip(pairs[::2], pairs[1::2], strict=True)))

    def _blocks(
        self, items: Sequence[Any], args: list[Any], encode: Callable[[list[Any], Any], None]
    ) -> tuple[list[bytes], list[Any]]:
        blocks: dict[str, int] = {}
        keys: list[bytes] = []
        for item in items:
            portfolio = item.portfolio
            if portfolio not in blocks:
                blocks[portfolio] = len(blocks)
                keys += self._keys[portfolio].all
            args.append(blocks[portfolio])
            encode(args, item)
        return keys, args

    def _asked(self, asks: list[Ask]) -> None:
        self.on_asked(asks)

    def _seen(self, asks: list[Ask], answer: list[Any]) -> list[Facts] | Awaitable[list[Facts]]:
        seen, intents = read_admitted(asks, answer)
        if intents:
            if self._notes_at_once:
                return self._intended(seen, intents, answer[0])
            self._journal.remember(intents, answer[0])
        return seen

    async def _intended(self, seen: list[Facts], intents: list[Intent], now_ms: int) -> list[Facts]:
        try:
            await self._journal.intend(intents, now_ms)
        except JournalUnwritable as fault:
            raise StoreUnavailable(str(fault)) from fault
        return seen

    def _settled(self, outcomes: list[Outcome], fault: Exception | None) -> None:
        self.on_settled(outcomes, fault)

    def _ended(self, outcomes: list[Outcome]) -> tuple[list[bytes], list[Any]]:
        """The keys and arguments of `settle`: most of a call ended in the same way, which is told once."""
        #: Those that follow each other and ended in the same way: how, and which of them is the first.
        runs: list[tuple[_Way, int]] = []
        last = None
        args: list[Any] = []
        for outcome in outcomes:
            outcome.close()
            noted = outcome.noted
            if noted is not None:
                noted.wamid = outcome.wamid
                # Else a status has told more of it meanwhile.
                if noted.state == "sending":
                    noted.state = outcome.state
            way = (outcome.portfolio, outcome.attempt, outcome.state, outcome.release, outcome.cause)
            if way != last:
                last = way
                runs.append((way, len(args) // _A_MESSAGE))
            args += (outcome.message_id, outcome.wamid, outcome.once, outcome.answer)
        keys, ways = self._ways if runs == self._runs else self._in_common(runs, len(outcomes))
        return keys, [*ways, *args]

    def _in_common(self, runs: list[tuple[_Way, int]], outcomes: int) -> tuple[list[bytes], list[Any]]:
        """The keys; and how it is told in which ways so many ended, and which of them each."""
        blocks: dict[str, int] = {}
        keys: list[bytes] = []
        ways: dict[_Way, int] = {}
        texts: list[str] = []
        #: Which of these each did, as far as another one follows; all after them did `way`.
        which, way = b"", 0
        for told, begins in runs:
            which = which.ljust(begins, bytes((way,)))
            way = ways.setdefault(told, len(ways) + 1)
            if way > len(texts):
                portfolio, attempt, state, release, cause = told
                if portfolio not in blocks:
                    blocks[portfolio] = len(blocks)
                    keys += self._keys[portfolio].all
                texts.append(f"{blocks[portfolio]} {attempt} {state} {1 if release else 0} {cause}")
        which = which.ljust(outcomes, bytes((way,))) if len(runs) > 1 else b""
        told_ways = keys, [REMEMBER_MS, UNRESOLVED_MS, LATE_MS, KEEP_MS, REACH_MS, len(texts), which, *texts]
        if len(runs) == 1:
            self._runs, self._ways = runs, told_ways
        return told_ways

    async def _open_window(self, inbounds: list[Inbound]) -> list[int]:
        keys, args = self._blocks(inbounds, [DAY_MS], _encode_inbound)
        answer: list[int] = await script("open_window").repeatable(self._client, keys, args)
        return answer[1:]


def _kind_of_send(outcome: Outcome) -> bytes:
    """What it is counted by: a call adds up first what is of a kind."""
    noted = outcome.noted
    return noted.about if noted is not None else b""


def _freed(outcomes: list[Outcome], answer: list[Any]) -> list[int]:
    return answer[1:]


def _encode_inbound(args: list[Any], inbound: Inbound) -> None:
    args += (inbound.recipient, inbound.number, inbound.at_ms)
