"""Early warning in a whole node: what users answer to a campaign stops it, and the report says which it was."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from typing import Any

from tests.integration.edge.browsing import signed_in
from tests.integration.edge.callers import CHECKOUT, NUMBER, PORTFOLIO, WABA, Answer, Caller, signed, template
from tests.waiting import until
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient
from tidegate.store.told_outcomes import carry_over

V1 = "/gateway/v1"
USERS = [f"1650555{n:04}" for n in range(120)]
_ids = itertools.count()


async def send(bare: Caller, to: str, name: str = "winback") -> Answer:
    headers = {"Tidegate_Category": "marketing", "Tidegate_Campaign": f"{name} in spring"}
    return await bare.send(template(f"+{to}", name), **headers)


async def campaign(bare: Caller, name: str = "winback") -> None:
    for start in range(0, len(USERS), 4):
        answers = await asyncio.gather(*(send(bare, user, name) for user in USERS[start : start + 4]))
        assert {answer["Tidegate-Verdict"] for answer in answers} == {"send"}


async def now_ms(bare: Caller, advance_s: float = 0) -> int:
    return int((await bare("POST", f"{V1}/testing/clock", CHECKOUT, json={"advance_s": advance_s})).body["now_ms"])


async def answers(bare: Caller, users: list[str], words: str) -> None:
    at_s = await now_ms(bare) // 1000
    messages: list[dict[str, Any]] = [
        {"from": u, "id": f"wamid.{next(_ids)}", "timestamp": str(at_s), "type": "text", "text": {"body": words}}
        for u in users
    ]
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": NUMBER},
        "contacts": [{"wa_id": user} for user in users],
        "messages": messages,
    }
    entry = {"id": WABA, "changes": [{"field": "messages", "value": value}]}
    body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
    assert (await bare("POST", "/webhooks/whatsapp", None, data=body, headers=signed(body))).status == 200


async def test_a_campaign_that_users_answer_with_stop_is_stopped_before_meta_says_a_word(bare: Caller) -> None:
    await campaign(bare)
    await answers(bare, USERS[:60], "STOP")

    async def warned() -> bool:
        await now_ms(bare, advance_s=20)
        return bool((await bare("GET", f"{V1}/standing")).body["breakers"])

    await until(warned)

    assert (await send(bare, "16505551000"))["Tidegate-Verdict"] == "queue"
    standing = (await bare("GET", f"{V1}/standing")).body
    causes = {breaker["id"]: breaker["cause"] for breaker in standing["breakers"]}
    assert causes[f"template_alarm/template/{WABA}:en_US:winback"].startswith("warning.template.opt_out.stop (opt_out ")
    assert f"category_alarm/category/{NUMBER}:marketing" in causes

    overview = (await (await signed_in(bare)).get()).raw.decode()
    assert re.search(r"of 120 sends, (assumed )?baseline [0-9.]+%", overview), "its evidence, for who looks"

    changes = (await bare("GET", f"{V1}/quality")).body["changes"]
    [fall] = [change for change in changes if change["key"] == f"template_alarm/template/{WABA}:en_US:winback"]
    worst = fall["sent_before"]["last_24h"]
    assert (worst["templates"][0]["template"], worst["templates"][0]["opted_out"]) == ("winback", 60)
    assert (worst["campaigns"][0]["campaign"], worst["apps"][0]["app"]) == ("winback in spring", "checkout")
    assert (fall["portfolio"], worst["templates"][0]["worst"]) == (PORTFOLIO, "opt_out")


async def counted(client: StoreClient, counter: str) -> int:
    await carry_over(client, PortfolioKeys(PORTFOLIO))
    keys = [key async for key in client.scan_iter(match=f"*:outcomes:*:category:{NUMBER}:marketing")]
    hashes: list[Any] = [await client.hgetall(key) for key in keys]
    return sum(int(n) for fields in hashes for field, n in fields.items() if field.endswith(f".{counter}".encode()))


async def test_a_campaign_that_users_thank_for_goes_on(bare: Caller, client: StoreClient) -> None:
    await campaign(bare)

    async def noted() -> bool:
        return await counted(client, "sent") == len(USERS)

    await until(noted)
    await answers(bare, USERS[:60], "Thank you, please never stop")
    assert await counted(client, "replied") == 60

    for n in range(3):
        await now_ms(bare, advance_s=20)
        assert (await send(bare, f"1650555{1000 + n}"))["Tidegate-Verdict"] == "send"

    assert (await bare("GET", f"{V1}/standing")).body["breakers"] == []
