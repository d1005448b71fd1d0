"""One client library in a process of its own: a line of JSON asks for one call, a line of JSON tells how it ended.

The first line told is the library's version. A login's `url` is what takes the place of https://graph.facebook.com.
Then, for each line `{"do": "text", "login": {...}, ...}`, one line: `{"done": {...}}`, or `{"told": {...}}` where the
library tells its caller of a failure: how (`raised` or `returned`), what kind, and Graph's code where it shows.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

ENGLISH = "en_US"
PNG = "image/png"


@dataclass(frozen=True, slots=True)
class Login:
    """Who calls, from which number, for which account, and where to."""

    url: str
    key: str
    number: str
    waba: str


class Returned(Exception):
    """A failure that the library returns to its caller instead of raising it."""

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__(body["error"]["message"])
        self.kind, self.code = type(body).__name__, body["error"]["code"]


class Client(Protocol):
    """What is asked of a library; a method may be a coroutine, and is missing where the library has no such call.

    `text` and `template` give `{"id": ...}` and, where the library shows it, the `status`; `upload` gives an id too;
    `download` writes the file; `templates` gives the names of each page: `{"pages": [[...], ...]}`.
    """

    def text(self, to: str, body: str) -> Any: ...

    def template(self, to: str, name: str) -> Any: ...

    def upload(self, path: str) -> Any: ...

    def download(self, media: str, path: str) -> Any: ...

    def templates(self, size: int) -> Any: ...


def read(path: str) -> bytes:
    """What is to be uploaded."""
    return Path(path).read_bytes()


def write(path: str, content: bytes) -> None:
    """Keep what was downloaded."""
    Path(path).write_bytes(content)


def serve(distribution: str, make: Callable[[Login], Any]) -> None:
    """Answer until nothing more is asked; `make` makes a library's client as its users do."""
    told = os.fdopen(os.dup(1), "w", buffering=1)
    # What a library prints is not an answer.
    os.dup2(2, 1)
    clients: dict[Login, Any] = {}
    with asyncio.Runner() as runner:
        print(json.dumps({"version": version(distribution)}), file=told)
        for line in sys.stdin:
            asked = json.loads(line)
            login = Login(**asked.pop("login"))
            method = asked.pop("do")
            try:
                if login not in clients:
                    clients[login] = make(login)
                done = getattr(clients[login], method)(**asked)
                if inspect.isawaitable(done):
                    done = runner.run(_awaited(done))
                answer = {"done": done or {}}
            except Exception as fault:
                answer = {"told": _told(fault)}
            print(json.dumps(answer), file=told)


async def _awaited(done: Any) -> Any:
    return await done


def _told(fault: Exception) -> dict[str, Any]:
    if isinstance(fault, Returned):
        return {"how": "returned", "kind": fault.kind, "code": fault.code, "text": str(fault)}
    found = re.search(r"\(#([0-9]+)\)", str(fault))
    shown = (getattr(fault, name, None) for name in ("code", "error_code"))
    code = next((int(code) for code in shown if isinstance(code, int)), int(found[1]) if found else None)
    return {"how": "raised", "kind": type(fault).__name__, "code": code, "text": f"{fault}"[:500]}
