"""The answer to a send is lost: its outcome is unknown, it is never sent again, and the status webhook settles it."""

from __future__ import annotations

import pytest

from loadtest.deployment import LOGIN_CODE, MARKETING, Deployment
from loadtest.stage import open_stage
from tidegate.simulator.behaviour import DAY_MS, HOUR_MS, MINUTE_MS, Behaviour, exactly
from tidegate.simulator.faults import Fault, Then

USER = "15550100001"
#: The status webhooks leave a minute after the send, so that what was known before can be looked at.
A_MINUTE_LATER = Behaviour(sent_delay=exactly(MINUTE_MS), read_share=0.0)


@pytest.mark.parametrize("template", [MARKETING, LOGIN_CODE], ids=["of a campaign", "of a login code"])
@pytest.mark.parametrize(
    "then",
    [Then.DROP, Then.CUT, Then.TRUNCATED, Then.HTML],
    ids=["is dropped", "is cut off", "is half a JSON", "is a proxy's page"],
)
async def test_when_the_answer_of_a_send_that_was_taken(store_url: str, then: Then, template: str) -> None:
    async with open_stage(store_url, Deployment(limit=250, behaviour=A_MINUTE_LATER)) as stage:
        stage.simulator.faults.add(Fault(then, accept=True))
        told = await stage.caller.send_template(USER, template)
        await stage.quiet()

        assert (told.status, told.verdict, told.reason) == (200, "unknown", "outcome_unknown")
        assert (await stage.caller.read(f"/messages/{told.message_id}"))["state"] == "unknown"
        assert stage.look().used == 1

        await stage.advance(5 * MINUTE_MS)
        found = await stage.caller.read(f"/messages/{told.message_id}")
        (send,) = stage.simulator.world.book.accepted
        assert (found["state"], found["wamid"]) == ("delivered", send.wamid)
        assert stage.look().used == 1

        await stage.advance(DAY_MS)
        assert (len(stage.simulator.world.book.accepted), stage.look().used) == (1, 0)


async def test_a_send_that_vanished_is_not_sent_again_and_keeps_its_place(store_url: str) -> None:
    async with open_stage(store_url, Deployment(limit=250, behaviour=A_MINUTE_LATER)) as stage:
        stage.simulator.faults.add(Fault(Then.DROP, accept=False))
        told = await stage.caller.send_template(USER, MARKETING)
        await stage.advance(2 * HOUR_MS)

        assert told.verdict == "unknown"
        assert stage.simulator.world.book.accepted == []
        assert (await stage.caller.read(f"/messages/{told.message_id}"))["state"] == "unknown"
        assert stage.look().used == 1
