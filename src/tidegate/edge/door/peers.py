"""Who is at the other end of a connection, as far as it is known without believing the caller."""

from __future__ import annotations

import ipaddress
from typing import Final

from tidegate.edge.door.headed import Headed

#: What one household or server is given of IPv6 (RFC 6177): its addresses are one peer.
_IPV6_PREFIX: Final = 64


def peer_of(request: Headed, peer_header: str | None) -> str:
    """Who counts as one peer: the peer's address (`address_of`); of IPv6 its network."""
    address = _address(request, peer_header)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, _IPV6_PREFIX), strict=False))
    return str(address or "unknown")


def address_of(request: Headed, peer_header: str | None) -> str:
    """The peer's address; empty where it has none.

    `peer_header`: the header in which the proxy before this node names its peer. Of several values, the last was
    written by the proxy itself. Without such a header, or an address in it, it is who connected here.
    """
    return str(_address(request, peer_header) or "")


def _address(request: Headed, peer_header: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if peer_header is not None:
        told = ",".join(request.headers.getall(peer_header, [])).rpartition(",")[2].strip()
        named = _read(told)
        if named is not None:
            return named
    return _read(request.remote or "")


def _read(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
