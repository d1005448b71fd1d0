"""Files that users send: where an app without a token of Meta's reads them."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from tests.integration.edge.callers import CHECKOUT
from tests.integration.relay.conftest import SHOP, Counted, Town, inbound, messaging
from tidegate.simulator.config import DEFAULT_TOKEN

FRONT = "https://gate.example/wa"
CONTENT = bytes(range(256)) * 10


def picture(url: str) -> Any:
    image = {"id": "1037543291543636", "mime_type": "image/png", "sha256": "s", "url": url}
    return {name: held for name, held in inbound().items() if name != "text"} | {"type": "image", "image": image}


async def test_each_app_is_given_an_address_that_its_own_key_reads(town: Town, gets: Counted) -> None:
    async def answer(_request: web.Request, _raw: bytes) -> web.Response:
        return web.Response(body=CONTENT, content_type="image/png")

    town.graph.answer = answer
    await town.node(public_url=FRONT)
    url = f"{town.graph.url}/file?mid=1&ext=2"
    await town.tell(messaging(messages=[picture(url)]))
    await gets(town.checkout, 1)
    await gets(town.shop, 1)

    addresses = [got.message["image"]["url"] for got in (town.checkout.got[0], town.shop.got[0])]
    of_checkout, of_shop = (address.removeprefix(FRONT) for address in addresses)
    read = await town.caller()("GET", of_checkout, CHECKOUT)
    theirs = await town.caller()("GET", of_shop, CHECKOUT)
    also = await town.caller()("GET", of_shop, SHOP)

    assert [address.startswith(f"{FRONT}/media/") for address in addresses] == [True, True]
    assert (read.status, read.raw, theirs.status, also.status) == (200, CONTENT, 404, 200)
    _, path, headers, _ = town.graph.requests[0]
    assert (path, headers["Authorization"]) == ("/file?mid=1&ext=2", f"Bearer {DEFAULT_TOKEN}")
    assert town.checkout.got[0].is_signed


@pytest.mark.parametrize(
    ("server", "url", "waba"),
    [
        pytest.param({}, "{graph}/file?mid=1", None, id="where nobody said by what the gateway is reached"),
        pytest.param({"public_url": FRONT}, "https://evil.example/x", None, id="of a host that is none of Meta's"),
        pytest.param({"public_url": FRONT}, "{graph}/file?mid=1", "999", id="of an account that is not the app's"),
    ],
)
async def test_an_address_stays_as_it_came(
    town: Town, gets: Counted, server: dict[str, str], url: str, waba: str | None
) -> None:
    await town.node(**server)
    url = url.format(graph=town.graph.url)
    await town.tell(messaging(messages=[picture(url)], **({} if waba is None else {"waba": waba})))
    await gets(town.checkout, 1)

    assert town.checkout.got[0].message["image"]["url"] == url
