"""Tokens, secrets and keys are replaced while a node sends: no send fails, and nothing old is used any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import orjson
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from tests.integration.edge.callers import (
    APP_SECRET,
    CHECKOUT,
    NUMBER,
    READER,
    WABA,
    Caller,
    Recorder,
    accepted,
    signed,
    template,
)
from tests.waiting import until
from tidegate.cli.rereading import Rereading
from tidegate.settings import hash_key
from tidegate.simulator.config import DEFAULT_TOKEN
from tidegate.tasks import spawn

NEW_TOKEN = "EAAG-the-next-token"
EVENT = orjson.dumps({"object": "whatsapp_business_account", "entry": []})
Rewrite = Callable[[str, str], None]


@pytest.fixture
async def running(make_node, graph: Recorder, session, tmp_path: Path) -> AsyncIterator[tuple[Caller, Rewrite]]:
    """A node that rereads its file, and what writes into that file and has it read."""
    node = await make_node(graph.url)
    path = tmp_path / "tidegate.toml"
    services = node.services
    rereading = Rereading(
        path, services.settings, services.rules, services.credentials, services.keys, services.relay.subscribers
    )
    reads = spawn(rereading.run(), "rereading")

    def rewrite(before: str, after: str) -> None:
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after))
        rereading.ask()

    yield Caller.of(node, session), rewrite
    reads.cancel()


def tokens(graph: Recorder) -> list[str]:
    return [headers["Authorization"].removeprefix("Bearer ") for _, _, headers, _ in graph.requests]


async def test_a_token_is_replaced_under_sends_of_which_none_fails(running, graph: Recorder) -> None:
    call, rewrite = running
    held, go_on = asyncio.Event(), asyncio.Event()

    async def answer(_request: web.Request, raw: bytes) -> web.Response:
        if not held.is_set():
            held.set()
            await go_on.wait()
        return web.json_response(accepted(f"wamid.{len(graph.requests)}"))

    graph.answer = answer
    under_way = spawn(call.send(template("+16505550000")), "a send under way")
    await held.wait()
    rewrite(DEFAULT_TOKEN, NEW_TOKEN)
    statuses = []

    async def new_one_is_used() -> bool:
        statuses.append((await call.send(template(f"+1650555{1_000 + len(statuses)}"))).status)
        return tokens(graph)[-1] == NEW_TOKEN

    await until(new_one_is_used)
    go_on.set()
    statuses.append((await under_way).status)
    await call("GET", f"/v25.0/{WABA}/message_templates")
    await call("GET", "/v25.0/1234567890")

    assert set(statuses) == {200}
    seen = tokens(graph)
    change = seen.index(NEW_TOKEN)
    assert set(seen[:change]) == {DEFAULT_TOKEN}
    assert set(seen[change:]) == {NEW_TOKEN}
    assert len(seen) - change == 3


async def test_a_secret_of_the_webhook_is_replaced(running) -> None:
    call, rewrite = running

    async def status(secret: str) -> int:
        return (await call("POST", "/webhooks/whatsapp", None, data=EVENT, headers=signed(EVENT, secret))).status

    assert (await status(APP_SECRET), await status("third-app-secret")) == (200, 401)
    rewrite('"app-secret"', '"third-app-secret"')

    async def is_taken() -> bool:
        return await status("third-app-secret") == 200

    await until(is_taken)
    assert (await status("next-app-secret"), await status(APP_SECRET)) == (200, 401)


async def test_a_key_of_the_file_is_replaced_and_nothing_is_said_to_need_a_restart(running) -> None:
    call, rewrite = running
    path = f"/gateway/v1/numbers/{NUMBER}/health"
    with capture_logs() as told:
        rewrite(hash_key(READER), hash_key("tg_reader_next"))

        async def is_taken() -> bool:
            return (await call("GET", path, "tg_reader_next")).status == 200

        await until(is_taken)
    assert (await call("GET", path, READER)).status == 401
    assert (await call("GET", path, CHECKOUT)).status == 200
    replaced = [line["replaced"] for line in told if line["event"] == "credentials_replaced"]
    assert replaced == [["key_sha256 of reader"]]
    assert [line["changed"] for line in told if line["event"] == "restart_needed"] == [["server"]]


async def test_a_file_with_a_fault_leaves_every_credential_as_it_was(running, graph: Recorder) -> None:
    call, rewrite = running
    with capture_logs() as told:
        rewrite(f'access_token = "{DEFAULT_TOKEN}"', 'access_token = ""')

        async def is_refused() -> bool:
            return any(line["event"] == "configuration_refused" for line in told)

        await until(is_refused)
    assert (await call.send(template())).status == 200
    assert tokens(graph) == [DEFAULT_TOKEN]
