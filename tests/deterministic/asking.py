"""What a test asks the nodes of a world itself; each call is to be answered well."""

from __future__ import annotations

from typing import Any, Final

import orjson

from tests.deterministic.callers import KEY
from tests.deterministic.http_calls import Answer, call
from tests.deterministic.meta import NUMBER
from tests.deterministic.world import Member, World
from tests.oracle.events import PostStarted
from tidegate.cloudapi.vocabulary import Category

_HEADERS: Final = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}


async def ask(member: Member, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    """An answer of a node; header names with _ for -. Raises AssertionError for one that says no."""
    named = _HEADERS | {name.replace("_", "-"): value for name, value in headers.items()}
    got = await call(member.address, method, path, named, orjson.dumps(body) if body else b"")
    assert got.status < 300, got.body
    return got


async def send(member: Member, to: str, template: str, category: Category, **headers: str) -> Answer:
    """The answer to a template for a user."""
    named = {"name": template, "language": {"code": "en_US"}}
    body = {"messaging_product": "whatsapp", "to": to, "type": "template", "template": named}
    return await ask(member, "POST", f"/v25.0/{NUMBER}/messages", body, Tidegate_Category=category.value, **headers)


def id_of(sent: Answer) -> str:
    """The id of a message that was accepted or queued."""
    return str(sent.json["messages"][0]["id"])


def started(world: World) -> list[PostStarted]:
    """The messages that have left a node, as they left."""
    return [event for event in world.events if isinstance(event, PostStarted)]
