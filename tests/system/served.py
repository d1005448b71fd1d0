"""`tidegate serve` as a process, and a client of it."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from tests.waiting import until

KEY = "tg_system-test-key-of-the-checkout-app"
NUMBER = "106540352242922"
CONFIG = """
[server]
listen = "127.0.0.1:{port}"
workers = {workers}
[store]
url = "embedded:{data}"
[upstream]
base_url = "{upstream}"
[webhook]
verify_token = "hub-verify-token"
app_secrets = ["app-secret"]
[privacy]
identity_key = "an identity key of at least 32 bytes"
payload_key = "a payload key of at least 32 bytes.."
[[portfolio]]
id = "lucky-shrub"
messaging_limit = 2000
[[portfolio.waba]]
id = "102290129340398"
access_token = "EAAG-simulated-token"
[[portfolio.waba.number]]
id = "106540352242922"
display_phone_number = "15550783881"
[[app]]
name = "checkout"
key_sha256 = "{key_sha256}"
scopes = ["send", "read", "admin"]
[testing]
clock = true
"""


class Served:
    """One `tidegate serve` process, and a client of it."""

    def __init__(self, config: Path, port: int, *options: str) -> None:
        self.config = config
        self._log = config.with_name("log")
        self._url = f"http://127.0.0.1:{port}"
        self._options = options
        self.process: asyncio.subprocess.Process

    async def start(self) -> None:
        command = (sys.executable, "-m", "tidegate", "serve", "--config", str(self.config), *self._options)
        with self._log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(*command, stderr=log)
        await until(self._ready, within_s=30)

    async def _ready(self) -> bool:
        assert self.process.returncode is None, "it ended instead of getting ready"
        return await self.status("/readyz") == 200

    async def status(self, path: str) -> int:
        try:
            async with aiohttp.ClientSession() as session, session.get(self._url + path) as answer:
                return answer.status
        except aiohttp.ClientConnectionError:
            return 0

    async def send(self, to: str, template: str = "black_friday_offer", **headers: str) -> aiohttp.ClientResponse:
        body = {
            "messaging_product": "whatsapp",
            "to": to,
            "type": "template",
            "template": {"name": template, "language": {"code": "en_US"}},
        }
        url = f"{self._url}/v25.0/{NUMBER}/messages"
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}", **headers}) as session,
            session.post(url, json=body) as answer,
        ):
            await answer.read()
            return answer

    async def state(self, message_id: str) -> str:
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as session,
            session.get(f"{self._url}/gateway/v1/messages/{message_id}") as answer,
        ):
            return str((await answer.json())["state"])

    async def rules(self) -> dict[str, Any]:
        """What `GET /rules` tells."""
        return await self._of_rules("GET")

    async def put_rules(self, tables: dict[str, Any]) -> dict[str, Any]:
        return await self._of_rules("PUT", tables)

    async def _of_rules(self, method: str, tables: dict[str, Any] | None = None) -> dict[str, Any]:
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as session,
            session.request(method, f"{self._url}/gateway/v1/rules", json=tables) as answer,
        ):
            assert answer.status == 200
            return dict(await answer.json())

    def rewrite(self, old: str, new: str) -> None:
        """Change the configuration file."""
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))

    def hang_up(self) -> None:
        """Tell it to read its rules anew."""
        self.process.send_signal(signal.SIGHUP)

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The lines of its log about this, the oldest first."""
        return [line for line in self._lines() if line["event"] == event]

    def logged_at(self, level: str) -> list[dict[str, Any]]:
        """The lines of its log at this level, the oldest first."""
        return [line for line in self._lines() if line["level"] == level]

    def _lines(self) -> list[dict[str, Any]]:
        whole, _, _ = self._log.read_bytes().rpartition(b"\n")
        return [orjson.loads(line) for line in whole.splitlines() if line.startswith(b"{")]

    async def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            return await self.process.wait()

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
