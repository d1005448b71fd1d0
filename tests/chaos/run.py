"""One run: callers, a fault amid them, the way back, and the judgement."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from tests.chaos.load import Kind
from tests.chaos.rows import Row
from tests.chaos.stage import Stage, open_stage
from tests.chaos.story import story
from tests.chaos.verdict import Findings, Taken, Tally, Told, judge, recovered_after_s, states_of
from tests.oracle import check_all
from tests.waiting import until

#: Promises to send later that callers hold before anything breaks: the limit is full by then.
_QUEUED_BEFORE: Final = 10
_POSTS_BEFORE: Final = 10
_BEFORE_S: Final = 1.5
#: Longer than an outcome may be missing until it is called unknown.
_OUTCOME_IS_UNKNOWN_S: Final = 61
#: Beside what callers and fault take: the start, the ends, and a machine with other things to do.
_ENDS_WITHIN_S: Final = 180
_DRAINED_WITHIN_S: Final = 25


@dataclass(slots=True)
class Outcome:
    """What one run showed; `states` are those of its promises, `recovery_s` None where it was never as before.

    `logs`: of the nodes; `notes`: what else is to be told of the fault; `broken`: what the oracle found.
    """

    findings: Findings
    tally: Tally
    recovery_s: float | None
    states: dict[str, int] = field(default_factory=dict)
    logs: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


async def run(row: Row) -> Outcome:
    """Do one run. Raises AssertionError where it can't be done, TimeoutError where it does not end."""
    async with asyncio.timeout(_ENDS_WITHIN_S + 2 * row.lasts_s), open_stage(row.deploy(row.codes)) as stage:
        await stage.load.open_windows(row.lasts_s)
        stage.load.start()
        await (stage.posts(_POSTS_BEFORE) if row.strikes_early else stage.queued(_QUEUED_BEFORE))
        began_ms = stage.clock()
        rate = _rate(stage, began_ms)
        await row.fault(stage)
        healed_ms = stage.clock()
        await asyncio.sleep(row.after_s)
        await stage.load.stop()
        await stage.fleet.start()
        raised_at_ms = await stage.limit_is_wide()
        await _drained(stage, row.is_held)
        taken = [Taken(one.at_ms, one.user, one.counts) for one in stage.meta.world.book.accepted]
        broken = [str(violation) for violation in check_all(story(stage))]
        findings = judge(taken, _told(stage), stage.deployment.limit, raised_at_ms)
        return Outcome(
            replace(findings, broken=len(broken)),
            stage.load.tally,
            recovered_after_s(_served_s(stage), healed_ms / 1_000, rate),
            dict(states_of(_told(stage))),
            [node.log.read_text() for node in stage.fleet.nodes],
            stage.notes,
            broken,
        )


def _told(stage: Stage) -> list[Told]:
    return [sent.told() for sent in stage.load.sent]


def _served_s(stage: Stage) -> Iterable[float]:
    """When callers were told that a message of theirs is sent or will be (s).

    Of every kind: without its store a node answers login codes and replies as before, and campaigns not at all.
    """
    return [answer.at_ms / 1_000 for answer in stage.load.answers if answer.status == 200]


def _rate(stage: Stage, now_ms: int) -> float:
    """How many such answers a second callers get; at most as many as they send."""
    recent = sum(at_s > now_ms / 1_000 - _BEFORE_S for at_s in _served_s(stage))
    # Of a run that had no time to be as usual, half of what is sent is asked for at least.
    sent = sum(kind.rate for kind in Kind)
    return max(sent / 2, min(sent, recent / _BEFORE_S))


async def _drained(stage: Stage, is_held: bool) -> None:
    """Let everything that was promised end; what does not by itself, by its time."""
    seconds = 5 if is_held else _DRAINED_WITHIN_S
    if not await _settled(stage, seconds):
        await stage.advance(_OUTCOME_IS_UNKNOWN_S)
        await _settled(stage, seconds)


async def _settled(stage: Stage, within_s: float) -> bool:
    async def none_is_open() -> bool:
        return not await stage.states()

    try:
        await until(none_is_open, within_s=within_s)
    except AssertionError:
        return False
    return True
