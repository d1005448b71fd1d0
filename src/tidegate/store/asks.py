"""What `admit` is asked for sends, and what it saw: how the one is written and the other read."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson
from msgspec import Struct

from tidegate.journal import Intent
from tidegate.policy.facts import NO_LIMIT, Facts, Tally, Terms
from tidegate.store.idempotency import Entry
from tidegate.store.keys import PortfolioKeys
from tidegate.store.statuses import REMEMBER_MS

#: An outcome that has not come by then is unknown: longer than the upstream's timeout, and a settle's retries.
OUTCOME_MS: Final = 60_000
_DRY, _NEEDS_WINDOW, _COUNTS, _PAIR_IN_SHADOW, _THROUGHPUT_IN_SHADOW, _MORE, _OF_SHARE = 1, 2, 4, 8, 16, 32, 64
#: What a kind of sends and what a tally begin with, as `lua/admit.lua` says.
_NUMBERS: Final = struct.Struct("<BB11dB")
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


class More(NamedTuple):
    """What few sends ask for beside."""

    user_record: bytes = b""
    """What the user's record becomes when the send is taken; empty: it stays as it is."""
    user_expires_at_ms: int = 0
    """When it may be forgotten then; 0: never."""
    body: bytes = b""
    """What a further try would need, sealed; empty: there will be none, or the queue keeps it already."""


_NO_MORE: Final = More()


class Ask(Struct, frozen=True, gc=False):
    """One send's question to `admit`. `intent`: what the books know of it once it is taken; where and when that was is
    written into it then.
    """

    intent: Intent
    terms: Terms
    deadline_ms: int
    once: Entry | None = None
    """What it claims to be the only one of, by its key alone, in its portfolio, under its id: taken with all else."""
    more: More | None = None
    dry_run: bool = False


#: What sends of one kind have in common: where their terms are, portfolio, attempt, whether it is a dry run, for how
#: long a claim is kept, whether more is told of each, whether their app has a share.
_Kind = tuple[int, str, int, bool, int, bool, bool]


class Questions:
    """Writes them: what sends have in common is told once, and written once for as long as their terms last."""

    def __init__(self, keys: Mapping[str, PortfolioKeys]) -> None:
        """`keys`: of each portfolio."""
        self._keys = keys
        #: Terms are known by where they are: they are kept, so that nothing else comes to be there.
        self._texts: dict[tuple[int, _Kind], tuple[Terms, bytes]] = {}

    def of(self, asks: Sequence[Ask]) -> tuple[list[bytes], list[Any]]:
        """The keys and arguments of `admit`."""
        blocks: dict[str, int] = {}
        keys: list[bytes] = []
        kinds: dict[_Kind, int] = {}
        told: dict[bytes, int] = {}
        args: list[Any] = []
        kind_of: list[int] = []
        for ask in asks:
            intent, terms, once, more = ask.intent, ask.terms, ask.once, ask.more
            portfolio, about = intent.portfolio, intent.about
            kept_ms, claim = (0, "") if once is None else (once.kept_ms, once.name)
            if more is None and terms.user_version:
                more = _NO_MORE
            kind = (id(terms), portfolio, intent.attempt, ask.dry_run, kept_ms, more is not None, _SHARE in about)
            common = kinds.get(kind)
            if common is None:
                block = blocks.get(portfolio)
                if block is None:
                    block = blocks[portfolio] = len(blocks)
                    keys += self._keys[portfolio].all
                common = kinds[kind] = told.setdefault(self._text(block, kind, terms), len(told))
            kind_of.append(common)
            args += (intent.message_id, intent.recipient, intent.number, about, claim)
            if more is not None:
                args += (terms.user_version, *more)
        deadlines_ms = [ask.deadline_ms for ask in asks]
        deadlines = struct.pack(f"<{len(asks) + 1}d", min(deadlines_ms), *deadlines_ms)
        return keys, [len(told), *told, bytes(kind_of) if len(told) > 1 else b"", deadlines, *args]

    def _text(self, block: int, kind: _Kind, terms: Terms) -> bytes:
        known = self._texts.get((block, kind))
        if known is not None:
            return known[1]
        if len(self._texts) >= _MOST_TEXTS:
            self._texts.clear()
        text = _common(block, kind, terms)
        self._texts[block, kind] = terms, text
        return text


def _common(block: int, kind: _Kind, terms: Terms) -> bytes:
    """What `admit` is told once of all sends that have it in common."""
    _, _, attempt, is_dry, kept_ms, has_more, is_of_share = kind
    flags = is_dry * _DRY | terms.needs_window * _NEEDS_WINDOW | terms.counts * _COUNTS
    flags |= (not terms.waits_for_pair) * _PAIR_IN_SHADOW | (not terms.waits_for_throughput) * _THROUGHPUT_IN_SHADOW
    flags |= has_more * _MORE | is_of_share * _OF_SHARE
    turns = orjson.dumps([turn[:3] for turn in terms.turns]) if terms.turns else b""
    return b"%b%d\0%d\0%b\0%b" % (
        _NUMBERS.pack(
            block,
            flags,
            terms.places,
            terms.hold_ms,
            OUTCOME_MS,
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
    epoch = user_version = margin_ms = ends_ms = tallies = 0
    inside = outside = ""
    for ask in asks:
        if ask.terms is not terms:
            # Most of a call have theirs in common: what follows from them is looked up once.
            terms = ask.terms
            epoch, user_version, margin_ms = terms.epoch, terms.user_version, terms.window_margin_ms
            ends_ms, tallies = now_ms + terms.hold_ms, len(terms.tallies)
            inside, outside = _PLACES[terms.counts]
        if at >= told:
            break
        first, window_ends_ms, place = answer[at], 0, outside
        if first >= _AS_MOST or first < 0:
            at += 1
            if first < 0:
                first, window_ends_ms = -first, answer[at]
                at += 1
                place = inside if window_ends_ms - margin_ms > now_ms else outside
            end = at + tallies
            facts = Facts(
                now_ms,
                epoch,
                True,
                window_ends_ms=window_ends_ms,
                counted=first % 2 == 1,
                used=first // 2 - 1,
                user_version=user_version,
                tallied=answer[at:end],
            )
            at = end
        elif at + _FACTS > told:
            break
        else:
            facts = _facts(now_ms, epoch, answer[at : at + _FACTS])
            window_ends_ms = facts.window_ends_ms
            place = inside if facts.window_open(margin_ms) and not facts.repeated else outside
            at += _FACTS
        seen.append(facts)
        if facts.taken and not ask.dry_run:
            intent = ask.intent
            intent.place, intent.window_ends_ms, intent.at_ms, intent.ends_ms = place, window_ends_ms, now_ms, ends_ms
            intents.append(intent)
    if at != told or len(seen) != len(asks):
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
