"""A campaign drains at the number's full throughput, and a login code passes it by."""

from __future__ import annotations

from datetime import UTC, datetime

from loadtest.codes import LoginCodes
from loadtest.deployment import MARKETING, Deployment
from loadtest.feed import RECIPIENT
from loadtest.report import CODE_WITHIN_MS
from loadtest.sends import trickle
from loadtest.stage import open_stage
from tidegate.simulator.behaviour import HOUR_MS, MINUTE_MS, Behaviour

# Half of the usual: it runs in real time, on machines with other things to do.
THROUGHPUT = 40
# Sends are admitted evenly; a machine that stalls posts those of the last 200 ms at once.
STALLS = Behaviour(throughput_tolerance=0.3)
CAMPAIGN = 600


async def test_a_campaign_drains_at_full_throughput_and_no_login_code_waits_a_second(store_url: str) -> None:
    async with open_stage(store_url, Deployment(limit=-1, throughput=THROUGHPUT, nodes=2, behaviour=STALLS)) as stage:
        book = stage.simulator.world.book
        # All of it is in the queue when it comes due, at one moment.
        due_at_ms = stage.time() + HOUR_MS
        not_before = {"Tidegate-Not-Before": _wire_time(due_at_ms)}
        for number in range(CAMPAIGN):
            told = await stage.caller.send_template(RECIPIENT.format(number), MARKETING, headers=not_before)
            assert told.verdict == "queue"
        await stage.advance(HOUR_MS - MINUTE_MS - (stage.time() - due_at_ms + HOUR_MS))
        assert (len(book.accepted), stage.look().queued) == (0, CAMPAIGN)

        codes = LoginCodes(stage, every_ms=500, circle=500)
        stage.put_forward(due_at_ms - stage.time())
        async with trickle(codes):
            await stage.quiet()
        first_ms, last_ms = book.accepted[0].at_ms, book.accepted[-1].at_ms
        drained = len(book.accepted) / (THROUGHPUT * (last_ms - first_ms) / 1_000)

        print(f"{drained:.1%} of {THROUGHPUT} a second, {codes.sent} codes, slowest {codes.slowest_ms} ms")
        assert stage.look().queued == 0
        assert codes.sent >= 20
        assert codes.refused == {}
        assert codes.slowest_ms <= CODE_WITHIN_MS
        assert book.violations == []
        assert book.refused == {}
        assert drained >= 0.95


def _wire_time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
