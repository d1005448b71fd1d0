"""Other messages that a body names by their ids: the one that it answers or reacts to, and the one that was read.

Source: Meta, "Send messages" (`context`), "Reaction messages", "Mark messages as read".
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_HOLDERS: Final = ("context", "reaction")
_KEY: Final = "message_id"
#: A body without any of these names no other message.
PLACES: Final = frozenset({_KEY, *_HOLDERS})


def quoted(body: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """JSON path and id of every message that a parsed body of `POST /{phone_number_id}/messages` names."""
    # Most name none, and every send is asked.
    if PLACES.isdisjoint(body):
        return ()
    holders = ((name, body.get(name)) for name in _HOLDERS)
    held = [(f"{name}.{_KEY}", holder.get(_KEY)) for name, holder in holders if isinstance(holder, dict)]
    return [(path, named) for path, named in ((_KEY, body.get(_KEY)), *held) if isinstance(named, str)]


def requoted(body: Mapping[str, Any], ids: Mapping[str, str]) -> dict[str, Any]:
    """The body with other ids of the messages at these paths, which `quoted` gave; `body` itself is left alone."""
    told = dict(body)
    for path, message_id in ids.items():
        name, _, _ = path.partition(".")
        told[name] = message_id if name == _KEY else {**body[name], _KEY: message_id}
    return told
