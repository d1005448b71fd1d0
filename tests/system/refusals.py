"""What is to be known of an answer that is no success while workers are replaced: its words, and who gave it when."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Refusal:
    """`reason`: Tidegate-Reason; `code`, `details`: the body's; `worker`: None for one that hung up at once.

    `since_s`: since the workers were told to be replaced; None: that was over, or not yet.
    """

    status: int
    reason: str | None
    code: int | None
    details: str
    worker: int | None
    since_s: float | None

    def __str__(self) -> str:
        who = "a worker that hung up" if self.worker is None else f"worker {self.worker}"
        when = "in no renewal" if self.since_s is None else f"{self.since_s:.2f} s after SIGUSR2"
        return f"{self.status} {self.reason}, code {self.code} ({self.details}), by {who}, {when}"


def told_in(body: bytes) -> tuple[int | None, str]:
    """The code and the details that a body in Graph's error shape holds; what it begins with where it is none."""
    try:
        error: Mapping[str, Any] = orjson.loads(body)["error"]
        return int(error["code"]), str(error["error_data"]["details"])
    except (ValueError, LookupError, TypeError):
        return None, f"no error of Graph's: {body[:80]!r}"


def holder(port: int, connection: socket.socket | None, pids: Iterable[int]) -> int | None:
    """Which process has the other end of a connection to this port of loopback; None: nobody has it any more.

    proc(5), /proc/net/tcp.
    """
    if connection is None or connection.fileno() < 0:
        return None
    own = connection.getsockname()[1]
    ends = (f"{_loopback()}:{port:04X}", f"{_loopback()}:{own:04X}")
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    inode = next((row[9] for row in rows if (row[1], row[2]) == ends), "0")
    return next((pid for pid in pids if f"socket:[{inode}]" in _open_files(pid)), None)


def _loopback() -> str:
    return f"{struct.unpack('=I', socket.inet_aton('127.0.0.1'))[0]:08X}"


def _open_files(pid: int) -> set[str]:
    found = set()
    try:
        for entry in os.scandir(f"/proc/{pid}/fd"):
            try:
                found.add(os.readlink(entry.path))
            except OSError:
                continue
    except OSError:
        return set()
    return found
