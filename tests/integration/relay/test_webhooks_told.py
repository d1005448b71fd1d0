"""What the control plane tells of webhooks on their way, and of dead letters: to whom, and how they are tried again."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.integration.edge.callers import CHECKOUT, OPERATOR, OTHER_NUMBER, OTHER_WABA, READER
from tests.integration.relay.conftest import SHOP, Counted, Town, inbound, messaging
from tests.waiting import until
from tidegate.cli import main

V1 = "/gateway/v1/webhooks"
DEPOT = "tg_depot"
WEEK_S = 7 * 86_400


async def died(town: Town, count: int) -> None:
    """So many webhooks for `depot` have waited for seven days."""
    town.depot.answer = 503
    told = [inbound(message_id=f"wamid.{i}") for i in range(count)]
    await town.tell(messaging(number=OTHER_NUMBER, waba=OTHER_WABA, messages=told))
    await town.pass_time(WEEK_S)

    async def are_dead() -> bool:
        return (await town.nodes[0].services.relays.backlog("wind-and-wool", "depot")).dead == count

    await until(are_dead)


@pytest.mark.parametrize(
    ("key", "seen"),
    [
        pytest.param(OPERATOR, ["checkout", "shop", "depot"], id="an operator of all numbers: every app"),
        pytest.param(CHECKOUT, ["checkout", "shop"], id="an operator of some: the apps that have no others"),
        pytest.param(SHOP, ["shop"], id="an app: itself"),
        pytest.param(READER, [], id="a reader without webhooks: nothing"),
    ],
)
async def test_whose_webhooks_are_told_to_whom(town: Town, key: str, seen: list[str]) -> None:
    await town.node()

    got = await town.caller()("GET", V1, key)

    assert [one["app"] for one in got.body["apps"]] == seen


async def test_what_waits_is_told_with_its_age_and_the_last_answer(town: Town) -> None:
    await town.node()
    town.depot.answer = 503
    await town.tell(messaging(number=OTHER_NUMBER, waba=OTHER_WABA, messages=[inbound(), inbound("again", "wamid.2")]))

    async def is_told() -> bool:
        got = await town.caller()("GET", V1, DEPOT)
        return got.body["apps"][0]["last_error"] is not None

    await until(is_told)
    body = (await town.caller()("GET", V1, DEPOT)).body
    [one] = body["apps"]
    assert (body["waiting"], one["waiting"], one["dead"], one["host"]) == (2, 2, 0, "127.0.0.1")
    assert (one["last_error"], one["last_delivered_at"]) == ("HTTP 503", None)
    assert one["oldest_at"] is not None
    told = (await town.caller()("GET", "/metrics", None)).raw
    assert b'tidegate_relay_waiting{app="depot"} 2.0' in told


async def test_the_dead_are_listed_and_tried_again_by_their_ids(town: Town, gets: Counted) -> None:
    await town.node()
    await died(town, 3)
    listed = (await town.caller()("GET", f"{V1}/dead?app=depot&limit=2", OPERATOR)).body
    assert [(one["kind"], one["portfolio"]) for one in listed["dead"]] == [("messages", "wind-and-wool")] * 2
    town.depot.answer = 200

    order = {"app": "depot", "ids": [one["id"] for one in listed["dead"]]}
    got = await town.caller()("POST", f"{V1}:replay", OPERATOR, json=order)
    assert got.body == {"app": "depot", "replayed": 2}
    await gets(town.depot, 2)
    got = await town.caller()("POST", f"{V1}:replay", OPERATOR, json={"app": "depot"})

    assert got.body == {"app": "depot", "replayed": 1}
    await gets(town.depot, 3)


@pytest.mark.parametrize(
    ("method", "path", "key", "body", "status"),
    [
        pytest.param("GET", f"{V1}/dead?app=shop", DEPOT, None, 404, id="another app's"),
        pytest.param("GET", f"{V1}/dead?app=nobody", OPERATOR, None, 404, id="of no app"),
        pytest.param("GET", f"{V1}/dead", READER, None, 404, id="of one without webhooks"),
        pytest.param("GET", f"{V1}/dead?limit=0", DEPOT, None, 400, id="none of them"),
        pytest.param("GET", f"{V1}/dead?limit=1001", DEPOT, None, 400, id="too many of them"),
        pytest.param("GET", f"{V1}/dead?limit=%D9%A1", DEPOT, None, 400, id="an Arabic digit"),
        pytest.param("POST", f"{V1}:replay", DEPOT, {}, 403, id="without the scope"),
        pytest.param("POST", f"{V1}:replay", CHECKOUT, {"app": "depot"}, 404, id="of an app of other numbers"),
        pytest.param("POST", f"{V1}:replay", OPERATOR, {"app": 7}, 404, id="a name that is none"),
        pytest.param("POST", f"{V1}:replay", CHECKOUT, {"ids": []}, 400, id="no ids"),
        pytest.param("POST", f"{V1}:replay", CHECKOUT, {"ids": ["x"]}, 400, id="ids that are none"),
        pytest.param("POST", f"{V1}:replay", CHECKOUT, {"ids": "a" * 24}, 400, id="ids that are no list"),
        pytest.param("POST", f"{V1}:replay", CHECKOUT, {"all": True}, 400, id="a key that is unknown"),
    ],
)
async def test_what_is_asked_wrongly_is_refused(town: Town, method, path, key, body, status) -> None:
    await town.node()

    got = await town.caller()(method, path, key, **({} if body is None else {"json": body}))

    assert got.status == status


async def test_the_command_lists_and_replays(
    town: Town, gets: Counted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await town.node()
    await died(town, 1)
    town.depot.answer = 200

    monkeypatch.setenv("TIDEGATE_URL", town.caller().url)
    monkeypatch.setenv("TIDEGATE_KEY", OPERATOR)

    async def run(*words: str) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            await asyncio.to_thread(main, ["webhooks", *words])
        assert ended.value.code == 0
        return capsys.readouterr().out

    assert "depot" in await run("list")
    lines = (await run("dead", "--app", "depot", "--json")).splitlines()
    [letter] = next(json.loads(line) for line in lines if line.startswith("{"))["dead"]
    assert letter["id"] in await run("dead", "--app", "depot")
    assert "1 webhooks of depot are tried again" in await run("replay", "--app", "depot", letter["id"])
    await gets(town.depot, 1)
