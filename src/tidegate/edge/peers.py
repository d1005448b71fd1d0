"""Who is at the other end of a connection, as far as it is known without believing the caller."""

from __future__ import annotations

import ipaddress
from typing import Final

from aiohttp import web

#: What one household or server is given of IPv6 (RFC 6177): its addresses are one peer.
_IPV6_PREFIX: Final = 64


def peer_of(request: web.Request, peer_header: str | None) -> str:
    """The peer's address; of IPv6 its network.

    `peer_header`: the header in which the proxy before this node names its peer. Of several values, the last was
    written by the proxy itself. Without such a header, or an address in it, it is who connected here.
    """
    if peer_header is not None:
        told = ",".join(request.headers.getall(peer_header, [])).rpartition(",")[2].strip()
        named = _network(told)
        if named is not None:
            return named
    return _network(request.remote or "") or "unknown"


def _network(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, _IPV6_PREFIX), strict=False))
