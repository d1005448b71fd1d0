"""The dashboard's style and script, under names that change with what is in them: so they may be kept for ever."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Final

from aiohttp import web

from tidegate.edge.denials import Denial, Kind

_TYPES: Final = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
_KEPT: Final = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file: its served name, `dashboard.<hash>.css`, and its bytes."""

    name: str
    content_type: str
    body: bytes = field(repr=False)


def _read() -> Mapping[str, StaticFile]:
    found = {}
    for entry in files(__package__).joinpath("static").iterdir():
        stem, _, ending = entry.name.rpartition(".")
        if ending in _TYPES:
            body = entry.read_bytes()
            served = f"{stem}.{hashlib.sha256(body).hexdigest()[:16]}.{ending}"
            found[entry.name] = StaticFile(served, _TYPES[ending], body)
    return found


STATIC: Final = _read()
"""By the name in the repository."""

_SERVED: Final = {file.name: file for file in STATIC.values()}


async def read_static(request: web.Request) -> web.Response:
    """A file by its served name. Raises Denial."""
    file = _SERVED.get(request.match_info["name"])
    if file is None:
        raise Denial(Kind.NOT_FOUND, "there is nothing here")
    return web.Response(body=file.body, headers={"Content-Type": file.content_type, **_KEPT})
