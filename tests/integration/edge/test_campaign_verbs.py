"""Campaigns on the control plane: started, stopped, let go on, ended, and how far they are."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from tests.factories import make_order
from tests.integration.edge.callers import CHECKOUT, NUMBER, ONCALL, OPERATOR, READER, SENDER, STRANGER, Caller
from tests.waiting import until
from tidegate.cli.campaign import app

CAMPAIGNS = "/gateway/v1/campaigns"


async def ordered(call: Caller, key: str = CHECKOUT, rows: int = 3, **changes: Any) -> str:
    audience = [{"to": f"+1650555{row:04}", "first_name": "Ann"} for row in range(1, rows + 1)]
    template = {"name": "black_friday_offer", "language": {"code": "en_US"}}
    order = make_order(**{"template": template, "audience": audience} | changes)
    got = await call("POST", CAMPAIGNS, key, json=order)
    assert got.status == 201, got.raw
    return f"{CAMPAIGNS}/{got.body['id']}"


async def moved(call: Caller, path: str, verb: str, key: str = CHECKOUT, reason: str | None = None) -> tuple[int, str]:
    got = await call("POST", f"{path}/{verb}", key, **({} if reason is None else {"json": {"reason": reason}}))
    return got.status, got.body.get("state", "")


async def test_a_campaign_is_started_goes_out_and_tells_how_far_it_is(call: Caller) -> None:
    path = await ordered(call, steps=[{"share": 0.999999}, {"share": 1}])
    draft = (await call("GET", path)).body
    assert (draft["progress"]["pending"], draft["eta"], draft["started_at"]) == (3, None, None)
    assert {step["state"] for step in draft["steps"]} == {"pending"}

    assert await moved(call, path, "start") == (200, "scheduled")

    async def is_finished() -> bool:
        return (await call("GET", path)).body["state"] == "finished"

    await until(is_finished)
    done = (await call("GET", path)).body
    assert sum(done["progress"][word] for word in ("sent", "delivered", "read")) == 3
    assert done["progress"]["pending"] == 0
    assert [step["state"] for step in done["steps"]] == ["passed", "passed"]
    assert done["steps"][0]["progress"] == done["steps"][0]["variants"]["all"]
    assert done["started_at"] is not None
    assert await moved(call, path, "pause", reason="late") == (409, "finished")
    acts = [entry["act"] for entry in (await call("GET", "/gateway/v1/audit?act=campaign")).body["entries"]]
    assert acts[0] == "campaign.start"


async def test_it_is_stopped_and_goes_on_for_a_reason(call: Caller) -> None:
    path = await ordered(call)
    assert await moved(call, path, "pause", reason="too early") == (409, "draft")
    await call("POST", "/gateway/v1/pauses", json={"scope": {"number": NUMBER}, "reason": "hold on"})
    assert await moved(call, path, "start") == (200, "scheduled")

    assert (await call("POST", f"{path}/pause")).status == 400
    paused = await call("POST", f"{path}/pause", json={"reason": "wrong price"})
    assert (paused.status, paused.body["state"], paused.body["eta"]) == (200, "paused", None)
    assert paused.body["stopped"] == {"at": paused.body["stopped"]["at"], "by": "checkout", "reason": "wrong price"}
    assert await moved(call, path, "pause", reason="again") == (200, "paused")

    # Somebody else has to say why it may go on.
    assert await moved(call, path, "resume", OPERATOR) == (400, "")
    assert await moved(call, path, "resume", OPERATOR, "it is right now") == (200, "scheduled")
    assert (await moved(call, path, "resume"))[0] == 200

    assert (await call("POST", f"{path}/cancel")).body["state"] == "cancelling"

    async def is_cancelled() -> bool:
        return (await call("GET", path)).body["state"] == "cancelled"

    await until(is_cancelled)
    told = (await call("GET", path)).body
    assert (told["progress"]["cancelled"], told["stopped"]["by"]) == (3, "checkout")


async def test_what_can_not_be_started_says_why(call: Caller) -> None:
    empty = await ordered(call, audience=None)

    got = await call("POST", f"{empty}/start")
    assert (got.status, "no audience" in got.body["detail"]) == (409, True)
    got = await call("POST", f"{empty}/start", json={"reason": "x", "when": "now"})
    assert got.status == 409


@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param({"reason": 5}, b"1 to 500", id="a reason that is no text"),
        pytest.param({"reason": "x" * 501}, b"1 to 500", id="a reason of 501 characters"),
        pytest.param({"why": "x"}, b"nothing else", id="a word that nobody knows"),
        pytest.param({}, b"is required", id="no reason"),
    ],
)
async def test_a_reason_is_read_strictly(call: Caller, body: dict[str, Any], says: bytes) -> None:
    path = await ordered(call, schedule=None)

    got = await call("POST", f"{path}/pause", json=body)

    assert (got.status, says in got.raw) == (400, True)


async def test_who_may_move_it(call: Caller) -> None:
    path = await ordered(call, SENDER)
    assert await moved(call, path, "start", STRANGER) == (404, "")
    assert await moved(call, path, "start", ONCALL) == (403, "")
    assert await moved(call, path, "start", READER) == (403, "")
    await call("POST", "/gateway/v1/pauses", json={"scope": {"number": NUMBER}, "reason": "hold on"})
    assert await moved(call, path, "start", SENDER) == (200, "scheduled")

    assert await moved(call, path, "pause", STRANGER, "none of ours") == (404, "")
    assert await moved(call, path, "pause", ONCALL, "users complain") == (200, "paused")
    assert await moved(call, path, "resume", ONCALL, "all is well") == (403, "")
    assert await moved(call, path, "resume", SENDER) == (400, "")
    assert await moved(call, path, "cancel", OPERATOR) == (400, "")
    assert (await moved(call, path, "cancel", OPERATOR, "for good"))[0] == 200


async def tidegate(call: Caller, *words: str) -> Result:
    """`tidegate campaign ...` against this node."""
    environ = {"TIDEGATE_URL": call.url, "TIDEGATE_KEY": CHECKOUT}
    return await asyncio.to_thread(CliRunner().invoke, app, list(words), env=environ)


async def test_the_command_moves_it_and_shows_how_far_it_is(call: Caller) -> None:
    campaign_id = (await ordered(call)).rpartition("/")[2]
    await call("POST", "/gateway/v1/pauses", json={"scope": {"number": NUMBER}, "reason": "hold on"})

    assert f"{campaign_id} started" in (await tidegate(call, "start", campaign_id)).output
    refused = await tidegate(call, "pause", campaign_id)
    paused = await tidegate(call, "pause", campaign_id, "--reason", "wrong price")
    shown = await tidegate(call, "show", campaign_id)
    await tidegate(call, "resume", campaign_id, "--json")
    cancelled = await tidegate(call, "cancel", campaign_id)

    assert (refused.exit_code, "--reason" in refused.output) == (2, True)
    assert "no node starts another message" in paused.output
    assert "by checkout: wrong price" in shown.output
    assert "3 pending" in shown.output
    assert cancelled.exit_code == 0
