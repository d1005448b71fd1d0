"""The dashboard of a node whose store is away: it says so, and comes back by itself."""

from __future__ import annotations

import signal
from pathlib import Path

import aiohttp

from tests.integration.edge.browsing import signed_in
from tests.integration.edge.callers import NUMBER, PORTFOLIO, Caller, Recorder
from tests.integration.edge.own_store import node_on, own_store
from tests.waiting import until


async def test_while_the_store_is_away_the_overview_says_so_and_what_can_not_be_done_is_told(
    graph: Recorder, tmp_path: Path
):
    async with (
        own_store() as store,
        node_on(store.url, graph.url, tmp_path) as node,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
    ):
        browser = await signed_in(Caller.of(node, session))
        token = await browser.token()
        assert "the store is unreachable" not in (await browser.get()).raw.decode()
        store.send_signal(signal.SIGKILL)
        await store.process.ended()

        async def told() -> bool:
            page = await browser.get()
            return page.status == 200 and "the store is unreachable" in page.raw.decode()

        await until(told)
        assert f"Portfolio {PORTFOLIO} " in (await browser.get()).raw.decode()
        fields = {"csrf": token, "scope": "number", "value": NUMBER, "reason": "now"}
        refused = await browser.post("/pauses", fields)
        assert refused.status == 503
        assert "Nothing was changed" in refused.raw.decode()
        assert (await browser.get("/numbers")).status == 503
        await store.begin_again()

        async def whole() -> bool:
            return "the store is unreachable" not in (await browser.get()).raw.decode()

        await until(whole)
