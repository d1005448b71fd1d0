"""A campaign through real nodes that are killed while it runs: everybody gets it, and nobody twice.

`python -m tests.chaos.campaign --kills 10` kills `kill -9` nodes at odd moments, starts them again, and compares what
the platform has in its book with what the campaign tells of each row.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import orjson
import uvloop

from tests.chaos.load import KEY, NUMBER
from tests.chaos.stage import Deployment, Stage, open_stage
from tests.waiting import until
from tidegate.simulator.scenarios import INSTANT

_PATH: Final = "/gateway/v1/campaigns"
_OPEN: Final = ("pending", "queued", "sending", "sent")
#: A node's claims are others' when its lease of 30 s has run out: that long is not waited for.
_LEASE_S: Final = 31
#: After that long what is unknown is tried again, where it may be.
_UNKNOWN_S: Final = 901
_QUIET_S: Final = 1.0
_MOST_STILL: Final = 8
_AGAIN: Final = """
[rules.delivery]
marketing = "at_least_once"
"""


@dataclass
class Ended:
    """How a run ended. `faults` is what is not as it was promised."""

    rows: int
    kills: int
    progress: dict[str, int]
    accepted: int
    repeated: list[str] = field(default_factory=list)
    """Phones that the platform took the campaign's message for more than once."""
    missing: int = 0
    """Rows that the platform knows nothing of."""

    @property
    def faults(self) -> list[str]:
        found = []
        if self.repeated:
            found.append(f"{len(self.repeated)} were written to twice")
        if left := sum(self.progress[word] for word in _OPEN):
            found.append(f"{left} rows were forgotten: {self.progress}")
        # What left a node's memory with it is told as unknown, and never sent again: nothing else may be missing.
        if self.missing != self.progress["unknown"]:
            found.append(
                f"{self.missing} rows never reached the platform, {self.progress['unknown']} are told as unknown"
            )
        if self.progress["delivered"] != self.accepted:
            found.append(f"{self.accepted} were delivered, {self.progress['delivered']} are told as delivered")
        return found

    def __str__(self) -> str:
        told = {word: count for word, count in self.progress.items() if count}
        return (
            f"{self.rows} rows, {self.kills} kills: {told}; accepted once {self.accepted}, twice {len(self.repeated)}"
        )


async def run(
    rows: int, kills: int, seed: int, nodes: int = 3, *, restart: bool = True, try_again: bool = False
) -> Ended:
    """Send a campaign to so many rows, and kill so many nodes while it is under way.

    `restart`: each is started again; else those that are left go on. `try_again`: what stays unknown is tried once more
    (`[rules.delivery]`), so that what went with a node goes after all.
    """
    chance = random.Random(seed)
    deployment = Deployment(
        codes=1,
        offers=2 * rows,
        nodes=nodes,
        behaviour=INSTANT,
        appendfsync="everysec",
        more=_AGAIN if try_again else "",
    )
    async with open_stage(deployment) as stage:
        campaign = await _started(stage, rows)
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0.05, 1.0))
            await _is_sending(stage)
            node = chance.choice([node for node in stage.fleet.nodes if node.awake])
            await node.kill()
            if restart:
                await asyncio.sleep(chance.uniform(0.0, 0.5))
                await node.start()
        progress = await _at_rest(stage, campaign, (*_OPEN, "unknown") if try_again else _OPEN)
        sent = Counter(one.user for one in stage.meta.world.book.accepted)
        repeated = [phone for phone, times in sent.items() if times > 1]
        return Ended(rows, kills, progress, len(sent), repeated, rows - len(sent))


async def _started(stage: Stage, rows: int) -> str:
    template = {"name": "black_friday_offer", "language": {"code": "en_US"}}
    steps = [{"share": 0.2}, {"share": 1}]
    order = {"name": "kills", "numbers": [NUMBER], "template": template, "steps": steps}
    made = await _asked(stage, "POST", _PATH, json=order)
    path = f"{_PATH}/{made['id']}"
    lines = b"".join(orjson.dumps({"to": f"+1555{row:07}"}) + b"\n" for row in range(2_000_000, 2_000_000 + rows))
    taken = await _asked(stage, "POST", f"{path}/audience", data=lines, kind="application/x-ndjson")
    assert taken["rows"] == rows, taken
    await _asked(stage, "POST", f"{path}/start")
    return path


async def _is_sending(stage: Stage) -> None:
    """Return once something of it has gone out."""

    async def has_begun() -> bool:
        return len(stage.meta.world.book.accepted) > 0

    await until(has_begun, within_s=60)


async def _at_rest(stage: Stage, path: str, wait_for: tuple[str, ...]) -> dict[str, int]:
    """The campaign's progress once it is over and its rows change no more."""
    seen: list[Any] = [None, 0.0, 0]

    async def rests() -> bool:
        told = await _asked(stage, "GET", path)
        progress, now_s = told["progress"], asyncio.get_running_loop().time()
        if progress != seen[0]:
            seen[:] = [progress, now_s, 0]
        left = sum(progress[word] for word in wait_for)
        if told["state"] == "finished" and not left:
            return True
        if now_s - seen[1] > _QUIET_S:
            # What has stood still for long after its end will never move.
            is_over = told["state"] == "finished"
            if is_over and seen[2] == _MOST_STILL:
                return True
            seen[1:] = [now_s, seen[2] + is_over]
            await stage.advance(_LEASE_S if left > progress["unknown"] else _UNKNOWN_S)
        return False

    await until(rests, within_s=400)
    return dict(seen[0])


async def _asked(stage: Stage, method: str, path: str, kind: str = "application/json", **body: Any) -> dict[str, Any]:
    """The answer of a node that is awake; asked again where one died over it, or is just starting."""
    headers = {"Authorization": f"Bearer {KEY}"} | ({"Content-Type": kind} if "data" in body else {})
    answers: list[dict[str, Any]] = []

    async def answered() -> bool:
        url = stage.fleet.next_url()
        if url is None:
            return False
        try:
            async with stage.session.request(method, url + path, headers=headers, **body) as answer:
                if answer.status >= 500:
                    return False
                told = await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError):
            return False
        assert answer.status < 300, told
        answers.append(told)
        return True

    await until(answered, within_s=60)
    return answers[0]


def main() -> int:
    """Run, print what became of it, and say what is not as it should be; 1 where anything is not."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.campaign", description=__doc__)
    parser.add_argument("--rows", type=int, default=3_000, metavar="N", help="recipients (3000)")
    parser.add_argument("--kills", type=int, default=10, metavar="N", help="nodes killed while it runs (10)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="draws which, and when (1)")
    parser.add_argument("--try-again", action="store_true", help="what stays unknown is tried once more")
    given = parser.parse_args()
    ended = uvloop.run(run(given.rows, given.kills, given.seed, try_again=given.try_again))
    print(ended)
    print("\n".join(ended.faults) or "Nobody got it twice, and no row was forgotten.", file=sys.stderr)
    return 1 if ended.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
