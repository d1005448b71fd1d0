"""A gateway as `tidegate serve` runs it, in a process of its own, and what that process takes. Linux only."""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from loadtest.deployment import NUMBER, WABA
from tidegate.settings.app_keys import hash_key

KEY: Final = "tg_bench"
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_START_S: Final = 20.0
_CONFIG: Final = """
[server]
listen = "127.0.0.1:{port}"
[store]
url = "embedded:{directory}"
[upstream]
base_url = "{upstream}"
[webhook]
verify_token = "verify"
app_secrets = ["app-secret"]
[privacy]
identity_key = "identity-identity-identity-key-32"
payload_key = "payload-payload-payload-key-32byt"
[[portfolio]]
id = "bench"
[[portfolio.waba]]
id = "{waba}"
access_token = "EAAG-bench"
[[portfolio.waba.number]]
id = "{number}"
[[app]]
name = "bench"
key_sha256 = "{key_hash}"
"""


@dataclass(frozen=True)
class Peer:
    """A process that is measured."""

    name: str
    url: str
    pid: int

    def forget_peak(self) -> float:
        """Start the peak anew; what it has now (MiB)."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")
        return self._memory("VmRSS")

    @property
    def peak_mib(self) -> float:
        """The most that it has had since."""
        return self._memory("VmHWM")

    def _memory(self, name: str) -> float:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))

    @property
    def cpu_s(self) -> float:
        """The CPU time that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


def headers() -> dict[str, str]:
    """What the app of the configuration proves itself by."""
    return {"Authorization": f"Bearer {KEY}"}


def configured(directory: Path, port: int, graph: str) -> Path:
    """The configuration of a gateway on this port, with an embedded store in `directory`/data."""
    file, store = directory / "tidegate.toml", directory / "data"
    text = _CONFIG.format(
        port=port, directory=store, upstream=graph, waba=WABA.id, number=NUMBER.id, key_hash=hash_key(KEY)
    )
    file.write_text(text)
    return file


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


async def answers(url: str, within_s: float = _START_S) -> None:
    """Return when it does. Raises TimeoutError."""
    async with asyncio.timeout(within_s), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"{url}/healthz"):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
