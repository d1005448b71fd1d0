"""Every form of store.url is understood; every other one is refused in words that repeat no secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tidegate.errors import BadConfiguration
from tidegate.store.address import StoreKind, parse_address

SECRET = "s3cr3t"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param(
            "redis://localhost",
            {"kind": StoreKind.SINGLE, "hosts": (("localhost", 6379),), "db": 0, "tls": False},
            id="the shortest",
        ),
        pytest.param(
            "redis://user:p%40ss%3Aword@store.example:7000/3",
            {"hosts": (("store.example", 7000),), "db": 3, "username": "user", "password": "p@ss:word"},
            id="user, password with an @ and a colon in it, port, database",
        ),
        pytest.param(
            "redis://:secret@store.example",
            {"username": None, "password": "secret"},
            id="a password without a user",
        ),
        pytest.param("redis://[::1]:7000", {"hosts": (("::1", 7000),)}, id="an IPv6 address"),
        pytest.param("redis://a/0?db=0", {"db": 0}, id="the same database twice"),
        pytest.param("rediss://a", {"kind": StoreKind.SINGLE, "tls": True}, id="TLS"),
        pytest.param(
            "rediss://a?ssl_ca_certs=/etc/ca.pem&ssl_cert_reqs=optional&ssl_check_hostname=false",
            {
                "options": {
                    "ssl_ca_certs": "/etc/ca.pem",
                    "ssl_cert_reqs": "optional",
                    "ssl_check_hostname": False,
                }
            },
            id="TLS with a private authority",
        ),
        pytest.param(
            "redis://a?protocol=2&socket_timeout=1.5&socket_connect_timeout=2&max_connections=8",
            {
                "options": {
                    "protocol": 2,
                    "socket_timeout": 1.5,
                    "socket_connect_timeout": 2.0,
                    "max_connections": 8,
                }
            },
            id="tuned",
        ),
        pytest.param(
            "unix:///run/valkey%20a/valkey.sock?db=2&password=secret",
            {
                "kind": StoreKind.UNIX,
                "hosts": (),
                "path": Path("/run/valkey a/valkey.sock"),
                "db": 2,
                "password": "secret",
            },
            id="a socket",
        ),
        pytest.param("unix://user:pw@/run/x.sock", {"username": "user", "password": "pw"}, id="a socket's user"),
        pytest.param(
            "redis+sentinel://u:p@one:1,two,[::2]:3/primary/4?sentinel_username=w&sentinel_password=q",
            {
                "kind": StoreKind.SENTINEL,
                "hosts": (("one", 1), ("two", 26379), ("::2", 3)),
                "service": "primary",
                "db": 4,
                "username": "u",
                "password": "p",
                "sentinel_username": "w",
                "sentinel_password": "q",
            },
            id="Sentinels",
        ),
        pytest.param("redis+sentinel://one/primary", {"service": "primary", "db": 0}, id="Sentinels, shortest"),
        pytest.param("rediss+sentinel://one/primary", {"kind": StoreKind.SENTINEL, "tls": True}, id="Sentinels, TLS"),
        pytest.param(
            "redis+cluster://one:7000,two",
            {"kind": StoreKind.CLUSTER, "hosts": (("one", 7000), ("two", 6379)), "db": 0},
            id="a cluster",
        ),
        pytest.param("rediss+cluster://one/0", {"kind": StoreKind.CLUSTER, "tls": True}, id="a cluster, TLS"),
        pytest.param("embedded:./data", {"kind": StoreKind.EMBEDDED, "path": Path("./data")}, id="a directory"),
        pytest.param("embedded:///var/lib/x", {"path": Path("/var/lib/x")}, id="a directory with slashes"),
        pytest.param("embedded:/var/a b?c#d", {"path": Path("/var/a b?c#d")}, id="a directory is taken literally"),
        pytest.param(" REDIS://a \n", {"kind": StoreKind.SINGLE}, id="blanks around it, a scheme in capitals"),
    ],
)
def test_is_taken_apart(url: str, expected: dict[str, Any]) -> None:
    address = parse_address(url)

    assert {name: getattr(address, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("url", "says"),
    [
        pytest.param("", "must begin with", id="empty"),
        pytest.param(f"{SECRET}", "must begin with", id="no scheme"),
        pytest.param("http://a", "must begin with", id="another scheme"),
        pytest.param("redis+sentinal://a/b", "must begin with", id="a slip in the scheme"),
        pytest.param("redis://", "names no host", id="no host"),
        pytest.param(f"redis://user:{SECRET}@", "names no host", id="no host after a password"),
        pytest.param("redis://a:b", "names no host", id="a port that is no number"),
        pytest.param("redis://a:\u0661", "names no host", id="a port in other digits"),
        pytest.param("redis://a:0", "port", id="port 0"),
        pytest.param("redis://a:65536", "port", id="port 65536"),
        pytest.param("redis://::1", "names no host", id="an IPv6 address without brackets"),
        pytest.param("redis://[::1", "brackets", id="a bracket that never closes"),
        pytest.param(f"redis://:{SECRET}#more@a", "#", id="a bare # in a password"),
        pytest.param("redis://a,b", "several hosts", id="several hosts of one store"),
        pytest.param("redis://a/x", "database", id="a database that is no number"),
        pytest.param("redis://a/-1", "database", id="a database below 0"),
        pytest.param("redis://a/1?db=2", "database", id="two databases"),
        pytest.param("redis://a/1/2", "database", id="a path too long"),
        pytest.param(f"redis://a?pasword={SECRET}", "not known", id="an option misspelt"),
        pytest.param("redis://a?retry_on_timeout=true", "not known", id="retries"),
        pytest.param("redis://a?protocol=4", "protocol", id="a protocol that is none"),
        pytest.param("redis://a?socket_timeout=0", "socket_timeout", id="no time at all"),
        pytest.param("redis://a?socket_timeout=nan", "socket_timeout", id="a time that is none"),
        pytest.param("redis://a?max_connections=0", "max_connections", id="no connections"),
        pytest.param("redis://a?db=1&db=1", "twice", id="an option twice"),
        pytest.param("redis://a?db", "query", id="an option without ="),
        pytest.param(f"redis://:{SECRET}@a?password=", "no value", id="an empty option"),
        pytest.param("redis://a?ssl_ca_certs=x", "rediss", id="TLS options without TLS"),
        pytest.param("unix://run/x.sock", "three slashes", id="a socket with two slashes"),
        pytest.param("unix:///", "names no socket", id="no socket"),
        pytest.param("redis+sentinel://a", "names no service", id="no service"),
        pytest.param("redis+sentinel://a,/b", "names no host", id="a comma too many"),
        pytest.param("redis+cluster://a/1", "cluster", id="a database in a cluster"),
        pytest.param("embedded:", "names no directory", id="no directory"),
        pytest.param("embedded:a\0b", "names no directory", id="a directory with a zero byte"),
    ],
)
def test_is_refused(url: str, says: str) -> None:
    with pytest.raises(BadConfiguration) as raised:
        parse_address(url)

    assert says in str(raised.value)
    assert str(raised.value).startswith("store.url")
    assert SECRET not in str(raised.value)


def test_a_misspelt_option_is_told_what_was_probably_meant() -> None:
    with pytest.raises(BadConfiguration, match="did you mean password"):
        parse_address("redis://a?pasword=x")


def test_its_repr_shows_no_secret() -> None:
    url = f"redis+sentinel://user:{SECRET}@a/b?sentinel_password={SECRET}"

    assert SECRET not in repr(parse_address(url))
