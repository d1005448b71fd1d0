"""Which addresses a webhook may be delivered to: those that anybody on the Internet could reach.

Judged is the address that a connection is about to be made to, whatever name led there, so that neither a spelling
(`127.1`, `0x7f.1`) nor an answer of a name server that changes between two questions gets around it.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

#: IPv6 addresses that lead to an IPv4 address, which `is_global` does not look at. Sources: RFC 6052 (NAT64), RFC 8215
#: (local NAT64), RFC 3056 (6to4), RFC 4380 (Teredo), RFC 4291 (IPv4-compatible).
_NAT64: Final = IPv6Network("64:ff9b::/96")
_NEVER: Final = (IPv6Network("64:ff9b:1::/48"), IPv6Network("2001::/32"), IPv6Network("fec0::/10"))
_COMPATIBLE: Final = IPv6Network("::/96")
_PROTOCOLS: Final = 0xC0000000  #: 192.0.0.0/24: IETF protocol assignments, some of which count as global


def is_public(address: str) -> bool:
    """Whether an address (as text, a zone behind `%` allowed) is one of a host on the public Internet."""
    try:
        judged = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(judged, IPv6Address):
        if any(judged in network for network in _NEVER):
            return False
        led_to = _led_to(judged)
        if led_to is not None:
            return _is_public(led_to)
    return _is_public(judged)


def _led_to(judged: IPv6Address) -> IPv4Address | None:
    if judged.ipv4_mapped is not None:
        return judged.ipv4_mapped
    if judged.sixtofour is not None:
        return judged.sixtofour
    if judged in _NAT64 or judged in _COMPATIBLE:
        return IPv4Address(int(judged) & 0xFFFFFFFF)
    return None


def _is_public(judged: IPv4Address | IPv6Address) -> bool:
    if isinstance(judged, IPv4Address) and int(judged) >> 8 == _PROTOCOLS >> 8:
        return False
    return judged.is_global and not judged.is_multicast and not judged.is_reserved
