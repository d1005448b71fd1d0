"""A store.url, taken apart: what kind of store, where, and how to speak to it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from urllib.parse import parse_qsl, unquote, urlsplit

from tidegate.errors import BadConfiguration, Fault

_KEY = "store.url"
_DEFAULT_PORT = 6379
_DEFAULT_SENTINEL_PORT = 26379
_HIGHEST_PORT = 65_535


class StoreKind(StrEnum):
    """How a store is reached."""

    SINGLE = "single"  #: one primary, over TCP or TLS
    UNIX = "unix"  #: one primary, over a unix socket
    SENTINEL = "sentinel"  #: the primary that the Sentinels name
    CLUSTER = "cluster"  #: many primaries, by hash slot
    EMBEDDED = "embedded"  #: a server of our own in a directory


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """Where the store is. Its repr shows no secret."""

    kind: StoreKind
    hosts: tuple[tuple[str, int], ...] = ()  #: (host, port) of the primary, the Sentinels or cluster nodes
    path: Path | None = None  #: the socket, or the embedded store's directory
    service: str | None = None  #: the name that the Sentinels know the primary by
    db: int = 0
    tls: bool = False
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    sentinel_username: str | None = field(default=None, repr=False)
    sentinel_password: str | None = field(default=None, repr=False)
    #: what the query of the url says of connections, by redis-py's names
    options: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))


# Scheme -> kind, whether TLS.
_SCHEMES: Mapping[str, tuple[StoreKind, bool]] = MappingProxyType(
    {
        "redis": (StoreKind.SINGLE, False),
        "rediss": (StoreKind.SINGLE, True),
        "unix": (StoreKind.UNIX, False),
        "redis+sentinel": (StoreKind.SENTINEL, False),
        "rediss+sentinel": (StoreKind.SENTINEL, True),
        "redis+cluster": (StoreKind.CLUSTER, False),
        "rediss+cluster": (StoreKind.CLUSTER, True),
        "embedded": (StoreKind.EMBEDDED, False),
    }
)


def _whole(lowest: int, highest: int) -> Callable[[str], int | None]:
    def convert(text: str) -> int | None:
        value = int(text) if re.fullmatch("[0-9]{1,9}", text) else -1
        return value if lowest <= value <= highest else None

    return convert


def _seconds(text: str) -> float | None:
    value = float(text) if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?", text) else 0.0
    return value if 0 < value <= 30 else None


def _flag(text: str) -> bool | None:
    return {"true": True, "false": False, "1": True, "0": False}.get(text.lower())


def _text(text: str) -> str | None:
    return text or None


def _one_of(*words: str) -> Callable[[str], str | None]:
    return lambda text: text if text in words else None


# What a query may say of connections, and what it becomes; None refuses. Nothing here turns retries on: after
# a lost answer a script would run twice.
_OPTIONS: Mapping[str, Callable[[str], object]] = MappingProxyType(
    {
        "protocol": _whole(2, 3),
        "socket_timeout": _seconds,
        "socket_connect_timeout": _seconds,
        "max_connections": _whole(1, 10_000),
        "ssl_ca_certs": _text,
        "ssl_certfile": _text,
        "ssl_keyfile": _text,
        "ssl_cert_reqs": _one_of("required", "optional", "none"),
        "ssl_check_hostname": _flag,
    }
)
_FIELDS = ("db", "username", "password", "sentinel_username", "sentinel_password")


def parse_address(url: str) -> StoreAddress:
    """Take a store.url apart. The forms, `[...]` being optional:

        embedded:DIRECTORY
        unix://[user:password@]/path/to/socket[?db=0]
        redis[s]://[user:password@]host[:6379][/db]
        redis[s]+sentinel://[user:password@]host[:26379][,host2…]/service[/db]
        redis[s]+cluster://[user:password@]host[:6379][,host2…]

    User and password are percent-encoded and are the store's own; the Sentinels' are `sentinel_username` and
    `sentinel_password` in the query. The query may also hold `protocol` (2 or 3), `socket_timeout` and
    `socket_connect_timeout` (seconds), `max_connections`, and redis-py's `ssl_…` for TLS.

    Raises BadConfiguration, which names what is wrong and repeats nothing of the url that may be secret.
    """
    scheme, colon, rest = url.strip().partition(":")
    if not colon or scheme.lower() not in _SCHEMES:
        raise _fault(f"must begin with one of {', '.join(_SCHEMES)} and a colon")
    kind, tls = _SCHEMES[scheme.lower()]
    if kind is StoreKind.EMBEDDED:
        return StoreAddress(kind, path=_directory(rest))
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        raise _fault("can't be read: are the brackets of an IPv6 address closed?") from None
    if parts.fragment:
        raise _fault("has a part after #: write a # in a password as %23")
    userinfo, _, place = parts.netloc.rpartition("@")
    username, _, password = userinfo.partition(":")
    query = {"username": unquote(username), "password": unquote(password)} | _query(parts.query)
    socket_path = _socket(place, parts.path) if kind is StoreKind.UNIX else None
    segments = [] if socket_path else [unquote(part) for part in parts.path.split("/") if part]
    service = _service(segments) if kind is StoreKind.SENTINEL else None
    return StoreAddress(
        kind,
        hosts=_hosts(kind, place),
        path=socket_path,
        service=service,
        db=_db(kind, [*segments, *([query["db"]] if "db" in query else [])]),
        tls=tls,
        username=query["username"] or None,
        password=query["password"] or None,
        sentinel_username=query.get("sentinel_username"),
        sentinel_password=query.get("sentinel_password"),
        options=_options(query, tls),
    )


def _directory(text: str) -> Path:
    directory = text.removeprefix("//")
    if not directory or "\0" in directory:
        raise _fault("names no directory: embedded:./data")
    return Path(directory)


def _socket(place: str, path: str) -> Path:
    if place or not path.strip("/"):
        raise _fault("names no socket: unix:///path/to/socket, with three slashes")
    return Path(unquote(path))


def _service(segments: list[str]) -> str:
    if not segments:
        raise _fault("names no service: redis+sentinel://host:26379/service/0")
    return segments.pop(0)


def _hosts(kind: StoreKind, place: str) -> tuple[tuple[str, int], ...]:
    if kind is StoreKind.UNIX:
        return ()
    default = _DEFAULT_SENTINEL_PORT if kind is StoreKind.SENTINEL else _DEFAULT_PORT
    hosts = tuple(_host(part, default) for part in place.split(","))
    if kind is StoreKind.SINGLE and len(hosts) > 1:
        raise _fault("names several hosts: only redis+sentinel:// and redis+cluster:// may")
    return hosts


def _host(text: str, default_port: int) -> tuple[str, int]:
    # An IPv6 address stands in brackets, so that its colons are no port's.
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:]+))(?::([0-9]{1,5}))?", text)
    if found is None:
        raise _fault("names no host, or one that is not written host:port or [address]:port")
    port = int(found[3]) if found[3] else default_port
    if not 1 <= port <= _HIGHEST_PORT:
        raise _fault("names a port that is none of 1 to 65535")
    return unquote(found[1] or found[2]), port


def _db(kind: StoreKind, given: list[str]) -> int:
    numbers = {_whole(0, 65_535)(text) for text in given}
    if None in numbers or len(numbers) > 1:
        raise _fault("has a path that is no database number, or names two of them")
    db = next(iter(numbers), None) or 0
    if kind is StoreKind.CLUSTER and db != 0:
        raise _fault("names a database: a cluster has only 0")
    return db


def _query(text: str) -> dict[str, str]:
    try:
        given = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=50)
    except ValueError:
        raise _fault("has a query that is not name=value&name=value") from None
    known = (*_FIELDS, *_OPTIONS)
    for name, value in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise _fault("has an option in its query that is not known", near[0] if near else None)
        if not value:
            raise _fault(f"gives no value to {name}")
    if len({name for name, _ in given}) != len(given):
        raise _fault("gives an option of its query twice")
    return dict(given)


def _options(query: Mapping[str, str], tls: bool) -> Mapping[str, object]:
    options = {name: _OPTIONS[name](value) for name, value in query.items() if name in _OPTIONS}
    for name, value in options.items():
        if value is None:
            raise _fault(f"has a value that can't be {name}")
        if name.startswith("ssl_") and not tls:
            raise _fault(f"speaks of {name} without TLS: write rediss")
    return MappingProxyType(options)


def _fault(problem: str, nearest: str | None = None) -> BadConfiguration:
    return BadConfiguration((Fault(_KEY, problem, nearest),))
