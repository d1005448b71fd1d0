"""Other messages that a body names by their ids: the one that it answers or reacts to, and the one that was read.

Source: Meta, "Send messages" (`context`), "Reaction messages", "Mark messages as read".
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

_HOLDERS: Final = ("context", "reaction")
_KEY: Final = "message_id"


def quoted(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """JSON path and id of every message that a parsed body of `POST /{phone_number_id}/messages` names."""
    if isinstance(body.get(_KEY), str):
        yield _KEY, body[_KEY]
    for name in _HOLDERS:
        holder = body.get(name)
        if isinstance(holder, dict) and isinstance(holder.get(_KEY), str):
            yield f"{name}.{_KEY}", holder[_KEY]


def requoted(body: Mapping[str, Any], ids: Mapping[str, str]) -> dict[str, Any]:
    """The body with other ids of the messages at these paths, which `quoted` gave; `body` itself is left alone."""
    told = dict(body)
    for path, message_id in ids.items():
        name, _, _ = path.partition(".")
        told[name] = message_id if name == _KEY else {**body[name], _KEY: message_id}
    return told
