"""The peer is who connects, or whom the configured header of the trusted proxy names; never what a caller says."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from tidegate.edge.door.peers import address_of, peer_of


class Transport:
    """A connection from an address."""

    def __init__(self, address: str) -> None:
        self._address = address

    def get_extra_info(self, name: str, default: object = None) -> object:
        return (self._address, 4711) if name == "peername" else default

    def is_closing(self) -> bool:
        return False


def seen(address: str, *told: str, header: str | None = None) -> str:
    headers = CIMultiDict([("X-Forwarded-For", value) for value in told])
    return peer_of(make_mocked_request("GET", "/", headers, transport=Transport(address)), header)


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        pytest.param("192.0.2.1", "192.0.2.1", id="an address of IPv4 is itself"),
        pytest.param("2001:db8:1:2:3::4", "2001:db8:1:2::/64", id="one of IPv6 is its network"),
        pytest.param("::ffff:192.0.2.1", "192.0.2.1", id="IPv4 in the clothes of IPv6 is IPv4"),
        pytest.param("fe80::1%eth0", "fe80::/64", id="a link's own address has a zone"),
        pytest.param("", "unknown", id="a socket without an address is one peer"),
    ],
)
def test_who_connects_is_the_peer(address: str, peer: str) -> None:
    assert seen(address) == peer


@pytest.mark.parametrize(
    ("told", "peer"),
    [
        pytest.param(["198.51.100.7"], "198.51.100.7", id="the proxy names one"),
        pytest.param(["203.0.113.9, 198.51.100.7"], "198.51.100.7", id="what the caller wrote stands before it"),
        pytest.param(["203.0.113.9", "198.51.100.7"], "198.51.100.7", id="in a header of its own as well"),
        pytest.param(["[2001:db8::1]"], "2001:db8::/64", id="an address in brackets"),
        pytest.param(["203.0.113.9, nobody"], "192.0.2.1", id="a word that is no address names nobody"),
        pytest.param([], "192.0.2.1", id="no header"),
    ],
)
def test_the_last_address_of_the_trusted_header_is_the_peer(told: list[str], peer: str) -> None:
    assert seen("192.0.2.1", *told, header="X-Forwarded-For") == peer


def test_a_header_that_nobody_trusts_is_not_read() -> None:
    assert seen("192.0.2.1", "198.51.100.7") == "192.0.2.1"


@pytest.mark.parametrize(
    ("told", "address"),
    [
        pytest.param("2001:db8:1:2:3::4", "2001:db8:1:2:3::4", id="one of IPv6 is told whole"),
        pytest.param("6.6.6.6, ::ffff:192.0.2.1", "192.0.2.1", id="the last is the proxy's own"),
        pytest.param("nobody", "10.0.0.1", id="no address is none"),
    ],
)
def test_the_address_is_told_whole(told: str, address: str) -> None:
    request = make_mocked_request("GET", "/", CIMultiDict([("X-Forwarded-For", told)]), transport=Transport("10.0.0.1"))
    assert address_of(request, "X-Forwarded-For") == address
    assert address_of(request, None) == "10.0.0.1"
