"""`tidegate doctor` on real stores and a simulated Graph API: every finding that it can make, and its remedies."""

from __future__ import annotations

import asyncio
import json
import sys
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from typer.testing import CliRunner

from tidegate.cli import doctor
from tidegate.cli.examination import Finding, Level, examine
from tidegate.cli.examination.door import examine_door
from tidegate.settings import Settings
from tidegate.simulator.config import DEFAULT_TOKEN
from tidegate.simulator.faults import Fault, On, Then
from tidegate.simulator.server import Simulator, run_simulator
from tidegate.store.embedded import socket_url
from tidegate.store.scripts import StoreClient
from tidegate.store.steerable_clock import SteerableClock

EXAMPLE = Path(__file__).parents[2] / "tidegate.example.toml"


@pytest.fixture
async def graph() -> AsyncIterator[Simulator]:
    made = await run_simulator()
    yield made
    await made.stop()


@pytest.fixture
def written(graph: Simulator, tmp_path: Path) -> dict[str, Any]:
    """The example with everything replaced that is there to be replaced."""
    file = tomllib.loads(EXAMPLE.read_text())
    file["server"]["listen"] = "127.0.0.1:0"
    file["store"]["url"] = f"embedded:{tmp_path / 's'}"
    file["upstream"]["base_url"] = graph.url
    file["webhook"] = {"verify_token": "verify", "app_secrets": ["app-secret", "the one before"]}
    file["privacy"] = {"identity_key": "i" * 32, "payload_key": "p" * 32}
    file["portfolio"][0]["waba"][0]["access_token"] = DEFAULT_TOKEN
    file["app"][0]["key_sha256"] = "ab" * 32
    file["alerts"] = {"webhook_url": "https://oncall.example/tidegate", "webhook_secret": "s"}
    return file


async def found(written: dict[str, Any], subject: str) -> list[Finding]:
    return [finding for finding in await examine(Settings.model_validate(written)) if finding.subject == subject]


async def test_a_good_environment_has_nothing_to_be_remedied(written: dict[str, Any]) -> None:
    findings = await examine(Settings.model_validate(written))
    assert {finding.level for finding in findings} == {Level.OK}
    assert list(dict.fromkeys(finding.subject for finding in findings)) == [
        *("parser", "files", "disk", "store", "clock", "token", "webhook", "apps", "alerts")
    ]
    told = [finding.found for finding in findings]
    assert "account 102290129340398: has both permissions and does not end" in told
    assert "account 102290129340398: subscribed by Simulated app" in told
    assert "in step with Graph's" in told
    assert not any(finding.remedy for finding in findings)
    assert findings[-1].found == "what stops and opens is told to oncall.example"


async def test_a_store_that_forgets_is_broken(written: dict[str, Any], client: StoreClient, valkey_socket: str) -> None:
    written["store"]["url"] = socket_url(valkey_socket)
    await client.config_set("appendonly", "no")
    try:
        answers, forgets, _trip = await found(written, "store")
    finally:
        await client.config_set("appendonly", "yes")
    assert answers.level is Level.OK
    assert forgets == Finding(
        "store",
        Level.FAIL,
        "a restart of it forgets what was accepted",
        "set appendonly yes and appendfsync always",
    )


async def test_a_store_that_evicts_is_broken(written: dict[str, Any], client: StoreClient, valkey_socket: str) -> None:
    written["store"]["url"] = socket_url(valkey_socket)
    await client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        _, evicts, *_ = await found(written, "store")
    finally:
        await client.config_set("maxmemory-policy", "noeviction")
    assert (evicts.level, evicts.remedy) == (Level.FAIL, "set maxmemory-policy to noeviction")


async def test_too_few_replicas_are_broken(written: dict[str, Any], client: StoreClient, valkey_socket: str) -> None:
    written["store"] = {"url": socket_url(valkey_socket), "replicas_ack": 2}
    assert "replicas_ack is 2, but 0 replicas are connected" in [f.found for f in await found(written, "store")]


async def test_a_store_that_is_not_there_is_a_finding(written: dict[str, Any], unused_tcp_port: int) -> None:
    written["store"]["url"] = f"redis://:a-password@127.0.0.1:{unused_tcp_port}"
    (nobody,) = await found(written, "store")
    assert nobody.level is Level.FAIL
    assert nobody.found.startswith("it does not answer: ")
    assert "a-password" not in str(nobody)


async def test_a_clock_that_is_a_second_off_is_a_warning(
    written: dict[str, Any], client: StoreClient, valkey_socket: str
) -> None:
    written["store"]["url"] = socket_url(valkey_socket)
    await SteerableClock(client, ["lucky-shrub"]).advance(5_000)
    clock, _graphs = await found(written, "clock")
    assert clock.level is Level.WARN
    assert clock.found.endswith("s behind the store's")
    assert "NTP" in clock.remedy


async def test_a_clock_that_can_be_moved_is_a_warning(written: dict[str, Any]) -> None:
    written["testing"] = {"clock": True}
    assert [finding.level for finding in await found(written, "clock")] == [Level.OK, Level.WARN, Level.OK]


@pytest.mark.parametrize(
    ("token", "told"),
    [
        pytest.param(
            "EAAG-of-nobody",
            "expired or not valid (code 190: Access token has expired)",
            id="a token that is not valid",
        ),
        pytest.param("EAAG-replace-me", "still the example's", id="the example's token"),
    ],
)
async def test_a_token_that_opens_nothing_is_broken(written: dict[str, Any], token: str, told: str) -> None:
    written["portfolio"][0]["waba"][0]["access_token"] = token
    (finding,) = await found(written, "token")
    assert finding.level is Level.FAIL
    assert finding.found == f"number 106540352242922: {told}"
    assert token not in str(finding)


async def test_a_number_of_somebody_else_is_broken(written: dict[str, Any]) -> None:
    written["portfolio"][0]["waba"][0]["number"][0]["id"] = "999999999999999"
    written["app"][0].pop("numbers")
    (finding,) = await found(written, "token")
    assert finding.level is Level.FAIL
    assert "Graph answers HTTP 400 (code 100: Invalid parameter)" in finding.found
    assert "whatsapp_business_management" in finding.remedy


async def test_an_upstream_that_is_not_there_is_a_finding(written: dict[str, Any], unused_tcp_port: int) -> None:
    written["upstream"]["base_url"] = f"http://127.0.0.1:{unused_tcp_port}"
    (finding,) = await found(written, "token")
    assert finding.level is Level.FAIL
    assert "can't be reached (ClientConnectorError)" in finding.found


async def test_an_upstream_that_is_no_graph_api_is_a_finding(written: dict[str, Any], graph: Simulator) -> None:
    graph.faults.add(Fault(Then.HTML, on=On.READS))
    (finding,) = await found(written, "token")
    assert "does not answer as the Graph API (HTTP 502)" in finding.found


@pytest.mark.parametrize(
    ("section", "key", "value", "subject"),
    [
        pytest.param("webhook", "verify_token", "choose-one-and-tell-meta", "webhook", id="the verify token"),
        pytest.param("webhook", "app_secrets", ["the-current-app-secret"], "webhook", id="the app secret"),
        pytest.param("alerts", "webhook_secret", "replace-me", "alerts", id="the secret of alerts"),
        pytest.param(
            "privacy", "payload_key", "replace-me-as-well-and-differently-please", "privacy", id="the payload key"
        ),
    ],
)
async def test_a_secret_of_the_example_is_broken(
    written: dict[str, Any], section: str, key: str, value: Any, subject: str
) -> None:
    written[section][key] = value
    broken = [finding for finding in await found(written, subject) if finding.level is Level.FAIL]
    assert ["still the example's" in finding.found and finding.remedy != "" for finding in broken] == [True]


@pytest.mark.parametrize("apps", [[], [{"name": "checkout", "key_sha256": "0" * 64}]], ids=["no app", "no key"])
async def test_nobody_who_can_send_is_a_warning(written: dict[str, Any], apps: list[Any]) -> None:
    written["app"] = apps
    (finding,) = await found(written, "apps")
    assert (finding.level, finding.remedy) == (Level.WARN, "tidegate keys create --app NAME")


async def test_nobody_who_is_told_of_a_stop_is_a_warning(written: dict[str, Any]) -> None:
    del written["alerts"]
    (finding,) = await found(written, "alerts")
    assert finding.level is Level.WARN
    assert "alerts.webhook_url" in finding.remedy


def test_the_command_exits_1_and_names_every_remedy(tmp_path: Path, unused_tcp_port: int) -> None:
    file = tmp_path / "tidegate.toml"
    text = EXAMPLE.read_text().replace("embedded:./data", f"redis://127.0.0.1:{unused_tcp_port}")
    text = text.replace("127.0.0.1:8080", "127.0.0.1:0")
    file.write_text(text)
    done = CliRunner().invoke(doctor.app, ["--config", str(file)])
    assert done.exit_code == 1
    assert done.stdout.count("remedy: ") == 6
    answer = CliRunner().invoke(doctor.app, ["--config", str(file), "--json"])
    assert answer.exit_code == 1
    told = json.loads(answer.stdout)
    assert told["ok"] is False
    assert [finding["level"] for finding in told["findings"]] == [*["ok"] * 2, *["fail"] * 4, *["warn"] * 2]
    assert done.stdout.endswith("4 broken, 2 to look at\n")


async def test_the_command_exits_0_when_there_are_warnings_only(graph: Simulator, tmp_path: Path) -> None:
    text = EXAMPLE.read_text()
    for old, new in (
        ("127.0.0.1:8080", "127.0.0.1:0"),
        ("embedded:./data", f"embedded:{tmp_path / 's'}"),
        ("https://graph.facebook.com", graph.url),
        ("choose-one-and-tell-meta", "verify"),
        ("the-current-app-secret", "app-secret"),
        ("replace-me-with-32-or-more-random-bytes", "i" * 32),
        ("replace-me-as-well-and-differently-please", "p" * 32),
        ("EAAG-replace-me", DEFAULT_TOKEN),
    ):
        assert old in text
        text = text.replace(old, new)
    file = tmp_path / "tidegate.toml"
    file.write_text(text)
    # A process, for an embedded store is started from a main thread only.
    words = (sys.executable, "-m", "tidegate", "doctor", "--config", str(file))
    process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    printed, _ = await process.communicate()
    assert process.returncode == 0
    levels = [line.split()[0] for line in printed.decode().splitlines()]
    assert levels == [*["ok"] * (len(levels) - 5), *["warn", "remedy:"] * 2, "0"]


class Front:
    """What stands at the public address: answers a handshake as it is told to, or as a node with a verify token."""

    def __init__(self, verify_token: str, status: int | None = None) -> None:
        self._verify_token = verify_token
        self._status = status

    async def answer(self, request: web.Request) -> web.Response:
        if self._status is not None:
            return web.Response(status=self._status, text="a page")
        if request.query["hub.verify_token"] != self._verify_token:
            return web.Response(status=403)
        return web.Response(text=request.query["hub.challenge"])


@pytest.mark.parametrize(
    ("front", "level", "told"),
    [
        pytest.param(Front("verify"), Level.OK, "answers Meta's handshake", id="a node with this token"),
        pytest.param(Front("another"), Level.FAIL, "refuses the verify token", id="a node with another token"),
        pytest.param(Front("verify", 404), Level.FAIL, "answers HTTP 404", id="a proxy that does not pass it on"),
        pytest.param(Front("verify", 200), Level.FAIL, "and not as the gateway", id="a page for everything"),
    ],
)
async def test_the_handshake_is_tried_at_the_public_address(
    written: dict[str, Any], front: Front, level: Level, told: str
) -> None:
    app = web.Application()
    app.router.add_get("/wa/webhooks/whatsapp", front.answer)
    async with TestServer(app) as server:
        written["server"]["public_url"] = str(server.make_url("/wa"))
        _, knocked = await asked_of_the_door(written)
    assert knocked.level is level
    assert told in knocked.found
    assert "verify_token=" not in str(knocked)


async def test_a_public_address_that_leads_nowhere_is_a_warning(written: dict[str, Any], unused_tcp_port: int) -> None:
    written["server"]["public_url"] = f"http://127.0.0.1:{unused_tcp_port}"
    _, knocked = await asked_of_the_door(written)
    assert knocked.level is Level.WARN
    assert "can't be reached from here" in knocked.found


async def asked_of_the_door(written: dict[str, Any]) -> list[Finding]:
    return await examine_door(Settings.model_validate(written))
