"""Raw request targets of Graph's face: taken apart without decoding, so that nothing can hide in an escape."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_plus

from tidegate.edge.denials import Denial, Kind

#: Edges of a number that send messages (Meta, "Send messages", "Marketing Messages API").
SENDING_EDGES: Final = frozenset({"messages", "marketing_messages"})
#: Whoever reads only may look at those edges; whatever else could write goes through the gateway, or not at all.
_HARMLESS: Final = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})

#: An id is digits, the first of them no 0: another spelling of an id that is known here would pass for an unknown one.
#: That of an upload session (Meta, "Resumable Upload API") and of a group (Meta, "Groups API", base64 of
#: `capi_group:...`) is another.
_PATH: Final = re.compile(
    r"(?:/(v[0-9]{1,4}(?:\.[0-9]{1,4})?))?"
    r"/([1-9][0-9]{0,19}|upload:[A-Za-z0-9+=_-]{1,2048}|Y2FwaV9ncm91cD[A-Za-z0-9+=_-]{1,256})"
    r"((?:/[A-Za-z0-9_.:~-]{1,256}){0,8})/?"
)
#: Edges of templates, flows, apps and groups: all that passes below an id of which nobody here knows whose it is.
_EDGES_OF_UNKNOWN: Final = frozenset(
    {
        "assets",
        "compare",
        "deprecate",
        "invite_link",
        "join_requests",
        "participants",
        "publish",
        "unpause",
        "uploads",
    }
)
_QUERY: Final = re.compile(r"[!-~]*")
_CREDENTIALS: Final = frozenset({"access_token", "appsecret_proof", "appsecret_time"})
# Graph carries out another method, or many calls, when told to by these (Meta, "Graph API: batch requests").
_DISGUISES: Final = frozenset({"method", "batch", "batch_access_token", "ids"})
_KEPT_ON_SENDS: Final = frozenset({"fields", "locale", "debug", "pretty"})


@dataclass(frozen=True, slots=True)
class Target:
    """`/{version}/{object_id}/{edge}/...?{query}`; `query` as it came, and it may hold a key."""

    version: str | None
    object_id: str
    edges: tuple[str, ...]
    path: str
    query: str = field(repr=False)

    @property
    def is_send(self) -> bool:
        """Whether a POST here is a send, or a read receipt."""
        return len(self.edges) == 1 and self.edges[0] in SENDING_EDGES

    @property
    def place(self) -> str:
        """The same in every version of Graph's."""
        return "/".join((self.object_id, *self.edges))

    @property
    def is_upload(self) -> bool:
        """Whether it is an upload session: its body is the file, whatever its Content-Type says."""
        return self.object_id.startswith("upload:")

    @property
    def may_be_unknown(self) -> bool:
        """Whether a file, template, flow, group or upload session may be meant, whose owner the path does not tell."""
        return not self.edges or (len(self.edges) == 1 and self.edges[0] in _EDGES_OF_UNKNOWN)

    @property
    def phone_number_id(self) -> str | None:
        """The number that the query names beside the id of a file (Meta, "Media"); None unless it names one."""
        found = [pair for pair in self.query.split("&") if _name(pair) == "phone_number_id"]
        return unquote_plus(found[0].partition("=")[2], errors="replace") or None if len(found) == 1 else None

    def allows(self, method: str, *, has_body: bool = False) -> bool:
        """Whether this method may pass: near the edges that send, only what cannot write, and nothing to write."""
        return (method in _HARMLESS and not has_body) or not any(edge.lower() in SENDING_EDGES for edge in self.edges)


def read_target(raw_path: str) -> Target | None:
    """The target of a raw path and query; None for a path that is not to leave the house.

    Escapes, empty and dotted segments have no use in a Graph path: a path with one is none of Graph's.
    """
    path, _, query = raw_path.partition("?")
    match = _PATH.fullmatch(path)
    if match is None or not _QUERY.fullmatch(query):
        return None
    edges = tuple(match[3].split("/")[1:])
    if any(not edge.strip(".") for edge in edges):
        return None
    return Target(match[1], match[2], edges, path, query)


def _name(pair: str) -> str:
    # As PHP reads it: Graph's servers descend from it, and "access.token" names access_token there.
    name = unquote_plus(pair.partition("=")[0], errors="replace").strip()
    return name.partition("[")[0].replace(".", "_").replace(" ", "_").lower()


def names_credential(pair: str) -> bool:
    """Whether a pair, or a field of this name, is a key or a proof of one."""
    return _name(pair) in _CREDENTIALS


def credentials(pairs: str) -> list[str]:
    """Every `access_token` in a query or a form."""
    found = [pair for pair in pairs.split("&") if _name(pair) == "access_token"]
    return [unquote_plus(pair.partition("=")[2], errors="replace") for pair in found]


def credential(pairs: str) -> str | None:
    """The `access_token` in a query or a form; None when there is none, or more than one."""
    found = credentials(pairs)
    return found[0] or None if len(found) == 1 else None


def scrubbed(pairs: str) -> str:
    """A query or a form without credentials, its other parts untouched.

    Raises Denial for one that would make Graph do something else than its method and path say.
    """
    kept = [pair for pair in pairs.split("&") if pair and _name(pair) not in _CREDENTIALS]
    if any(_name(pair) in _DISGUISES for pair in kept):
        names = ", ".join(sorted(_DISGUISES))
        raise Denial(Kind.BAD_REQUEST, f"none of {names} may be given: one request does one thing here")
    return "&".join(kept)


def path_of_send(target: Target) -> str:
    """Where a send is posted to. Of its query, which could speak against the body, only what shapes the answer."""
    path, query = target.path.rstrip("/"), _for_send(target.query) if target.query else ""
    return f"{path}?{query}" if query else path


def _for_send(pairs: str) -> str:
    return "&".join(pair for pair in pairs.split("&") if _name(pair) in _KEPT_ON_SENDS)
