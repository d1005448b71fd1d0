"""What `admit` is asked for sends, and what it saw: how the one is written and the other read."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson
from msgspec import Struct

from tidegate.cloudapi.messages import Request
from tidegate.journal import Intent
from tidegate.policy.facts import NO_LIMIT, Facts, Tally, Terms
from tidegate.store.idempotency import Entry
from tidegate.store.keys import PortfolioKeys
from tidegate.store.statuses import REMEMBER_MS

#: An outcome that has not come by then is unknown: longer than the upstream's timeout, and a settle's retries.
OUTCOME_MS: Final = 60_000
_DRY, _NEEDS_WINDOW, _COUNTS, _PAIR_IN_SHADOW, _THROUGHPUT_IN_SHADOW, _MORE, _OF_SHARE = 1, 2, 4, 8, 16, 32, 64
#: What a kind of sends and what a tally begin with, as `lua/admit.lua` says.
_NUMBERS: Final = struct.Struct("<BB10dB")
_TALLY_NUMBERS: Final = struct.Struct("<dddB")
#: What is noted of a message of an app that has a share of the limit (`lua/_shares.lua`).
_SHARE: Final = b'"share":'
#: So many values are told of a send,
_FACTS: Final = 13
#: unless the first is as high, or less than 0 where a window is known: it was taken as most are.
_AS_MOST: Final = 2
#: How an intent names its place, inside of a window and outside: of what does not count, and of what does.
_PLACES: Final = ("", ""), ("0", "1")
#: Terms are made anew each second; so many are known as text.
_MOST_TEXTS: Final = 1_024


class _Packs(dict[int, Callable[..., bytes]]):
    """By how many sends there are in a call: packs their deadlines, after the earliest of them."""

    def __missing__(self, sends: int) -> Callable[..., bytes]:
        pack = self[sends] = struct.Struct(f"<{sends + 1}d").pack
        return pack


_DEADLINES: Final = _Packs()


class More(NamedTuple):
    """What few sends ask for beside."""

    user_record: bytes = b""
    """What the user's record becomes when the send is taken; empty: it stays as it is."""
    user_expires_at_ms: int = 0
    """When it may be forgotten then; 0: never."""
    body: bytes = b""
    """What a further try would need, sealed; empty: there will be none, or the queue keeps it already."""


_NO_MORE: Final = More()
_NO_CLAIM: Final = Entry("", "", "", "", 0)


class Ask(Struct, gc=False):
    """One send's question to `admit`. `intent`: what the books know of it once it is taken; where and when that was is
    written into it then.
    """

    intent: Intent
    terms: Terms
    deadline_ms: int
    once: Entry | None = None
    """What it claims to be the only one of, by its key alone, in its portfolio, under its id: taken with all else."""
    more: More | None = None
    request: Request | None = None
    """What it is asked for, where that is to be posted."""
    dry_run: bool = False
    body: bytes = b""
    """That as it is posted, once it was written."""

    def __repr__(self) -> str:
        # What is in the body names a user.
        return f"Ask({self.intent!r})"


#: What sends of one kind have in common beside their terms: portfolio, attempt, whether it is a dry run, for how long a
#: claim is kept, whether more is told of each, whether their app has a share.
_Kind = tuple[str, int, bool, int, bool, bool]
#: Sends of one kind that follow each other in a call, and which of them is the first.
_Run = tuple[Terms, _Kind, int]


class Questions:
    """Writes them: what sends have in common is told once, and written once for as long as their terms last."""

    def __init__(self, keys: Mapping[str, PortfolioKeys]) -> None:
        """`keys`: of each portfolio."""
        self._keys = keys
        #: Terms are known by where they are: they are kept, so that nothing else comes to be there.
        self._texts: dict[tuple[int, int, _Kind], tuple[Terms, bytes]] = {}
        #: The last call whose sends were all of one kind, and what they had in common: so has the next one, mostly.
        self._runs: list[_Run] = []
        self._common: tuple[list[bytes], list[Any]] = [], []

    def of(self, asks: Sequence[Ask]) -> tuple[list[bytes], list[Any]]:
        """The keys and arguments of `admit`."""
        runs: list[_Run] = []
        terms, kind, tells_more = None, None, False
        noted, is_of_share = b"", False
        deadlines_ms: list[int] = []
        args: list[Any] = []
        for ask in asks:
            intent, more = ask.intent, ask.more
            about, once = intent.about, ask.once or _NO_CLAIM
            if about is not noted:
                noted, is_of_share = about, _SHARE in about
            of_kind = (intent.portfolio, intent.attempt, ask.dry_run, once.kept_ms, more is not None, is_of_share)
            if ask.terms is not terms or of_kind != kind:
                terms, kind = ask.terms, of_kind
                tells_more = more is not None or terms.user_version > 0
                runs.append((terms, kind, len(deadlines_ms)))
            deadlines_ms.append(ask.deadline_ms)
            args += (intent.message_id, intent.recipient, intent.number, about, once.name)
            if tells_more:
                args += (ask.terms.user_version, *(more or _NO_MORE))
        keys, common = self._common if runs == self._runs else self._in_common(runs, len(asks))
        return keys, [*common, _DEADLINES[len(asks)](min(deadlines_ms), *deadlines_ms), *args]

    def _in_common(self, runs: list[_Run], sends: int) -> tuple[list[bytes], list[Any]]:
        """The keys; and how it is told what so many sends have in common, and which of that each has."""
        blocks: dict[str, int] = {}
        keys: list[bytes] = []
        ways: dict[tuple[int, _Kind], int] = {}
        told: dict[bytes, int] = {}
        #: Which of these each is of, as far as another run follows; all after them are of `way`.
        which, way = b"", 0
        for terms, kind, begins in runs:
            which = which.ljust(begins, bytes((way,)))
            known = ways.get((id(terms), kind))
            if known is None:
                block = blocks.get(kind[0])
                if block is None:
                    block = blocks[kind[0]] = len(blocks)
                    keys += self._keys[kind[0]].all
                known = ways[id(terms), kind] = told.setdefault(self._text(block, terms, kind), len(told))
            way = known
        common = keys, [len(told), *told, which.ljust(sends, bytes((way,))) if len(told) > 1 else b""]
        if len(runs) == 1:
            self._runs, self._common = runs, common
        return common

    def _text(self, block: int, terms: Terms, kind: _Kind) -> bytes:
        known = self._texts.get((block, id(terms), kind))
        if known is not None:
            return known[1]
        if len(self._texts) >= _MOST_TEXTS:
            self._texts.clear()
        text = _common(block, terms, kind)
        self._texts[block, id(terms), kind] = terms, text
        return text


def _common(block: int, terms: Terms, kind: _Kind) -> bytes:
    """What `admit` is told once of all sends that have it in common."""
    _, attempt, is_dry, kept_ms, has_more, is_of_share = kind
    flags = is_dry * _DRY | terms.needs_window * _NEEDS_WINDOW | terms.counts * _COUNTS
    flags |= (not terms.waits_for_pair) * _PAIR_IN_SHADOW | (not terms.waits_for_throughput) * _THROUGHPUT_IN_SHADOW
    flags |= (has_more or terms.user_version > 0) * _MORE | is_of_share * _OF_SHARE
    turns = orjson.dumps([turn[:3] for turn in terms.turns]) if terms.turns else b""
    return b"%b%d\0%d\0%b\0%b" % (
        _NUMBERS.pack(
            block,
            flags,
            terms.places,
            terms.hold_ms,
            # One that needed no place may still be delivered when its window has closed: it is known for as long.
            (terms.hold_ms if terms.counts else 0) + REMEMBER_MS,
            terms.window_margin_ms,
            terms.pair_emission_ms,
            terms.pair_tolerance_ms,
            terms.throughput_emission_us,
            terms.throughput_tolerance_us,
            terms.valid_until_ms,
            kept_ms,
            len(terms.tallies),
        ),
        attempt,
        terms.epoch,
        turns,
        b"".join(map(_tally, terms.tallies)),
    )


def _tally(tally: Tally) -> bytes:
    when = 4 if tally.of_places else 3 if tally.covers else 2 if tally.free_in_window else int(tally.only_new)
    limit = tally.limit if tally.enforced else NO_LIMIT
    numbers = _TALLY_NUMBERS.pack(tally.cost, limit, tally.expires_at_ms, when)
    return numbers + f"{tally.name}\0{tally.name} {tally.cost}\n\0".encode()


def read_admitted(asks: Sequence[Ask], answer: Sequence[Any]) -> tuple[list[Facts], list[Intent]]:
    """What `admit` saw of each, by its answer, and what the books know of those that were taken; of one that was taken
    before, the careful reading.

    Raises ValueError for an answer to others.
    """
    answer = tuple(answer)
    now_ms, at, told = answer[0], 1, len(answer)
    seen: list[Facts] = []
    intents: list[Intent] = []
    terms: Terms | None = None
    epoch, user_version, margin_ms, ends_ms, tallies, inside, outside = 0, 0, 0, 0, 0, "", ""
    try:
        for ask in asks:
            if ask.terms is not terms:
                # Most of a call have theirs in common: what follows from them is looked up once.
                terms = ask.terms
                epoch, user_version, margin_ms = terms.epoch, terms.user_version, terms.window_margin_ms
                ends_ms, tallies = now_ms + terms.hold_ms, len(terms.tallies)
                inside, outside = _PLACES[terms.counts]
            first, window_ends_ms, place = answer[at], 0, outside
            if first < 0:
                first, at = -first, at + 1
                window_ends_ms = answer[at]
                place = inside if window_ends_ms - margin_ms > now_ms else outside
            if first >= _AS_MOST:
                begins = at + 1
                at = begins + tallies
                facts = Facts(
                    now_ms,
                    epoch,
                    True,
                    window_ends_ms=window_ends_ms,
                    counted=first % 2 == 1,
                    used=first // 2 - 1,
                    user_version=user_version,
                    tallied=answer[begins:at],
                )
            else:
                facts = _facts(now_ms, epoch, answer[at : at + _FACTS])
                window_ends_ms = facts.window_ends_ms
                place = inside if facts.window_open(margin_ms) and not facts.repeated else outside
                at += _FACTS
            seen.append(facts)
            if facts.taken and not ask.dry_run:
                intent = ask.intent
                intent.place, intent.at_ms, intent.ends_ms = place, now_ms, ends_ms
                if window_ends_ms:
                    intent.window_ends_ms = window_ends_ms
                intents.append(intent)
    except (IndexError, ValueError):
        # It is shorter than that.
        at = 0
    if at != told:
        raise ValueError(f"{told} values for {len(asks)} sends")
    return seen, intents


def _facts(now_ms: int, epoch: int, seen: Sequence[Any]) -> Facts:
    (
        taken,
        epoch_now,
        gone,
        repeated,
        window_ends_ms,
        counted,
        used,
        pair_at,
        throughput_at,
        version,
        record,
        at,
        tallied,
    ) = seen
    return Facts(
        now_ms,
        epoch_now,
        taken == 1,
        epoch_now != epoch,
        gone == 1,
        gone == 2,
        repeated == 1,
        window_ends_ms,
        counted == 1,
        used,
        pair_at,
        throughput_at,
        outdated=gone == 4,
        other_user=gone == 3,
        unclaimed=gone == 5,
        user_version=version,
        user_record=record,
        turns_at_ms=tuple(map(int, at.split())) if at else (),
        tallied=tuple(map(int, tallied.split())) if tallied else (),
    )
