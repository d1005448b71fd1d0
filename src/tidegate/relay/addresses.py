"""Which addresses a webhook may be delivered to: those that anybody on the Internet could reach.

Judged is the address that a connection is about to be made to, whatever name led there, so that neither a spelling
(`127.1`, `0x7f.1`) nor an answer of a name server that changes between two questions gets around it.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

#: Addresses that belong to no host of anybody's, though `is_global` (of Python 3.11) has them for such. Sources: IANA,
#: "IPv4 Special-Purpose Address Registry" and "IPv6 Special-Purpose Address Registry"; Microsoft, "What is IP address
#: 168.63.129.16?" (Azure's own servers, which whoever runs there reaches).
_NEVER_IPV4: Final = tuple(
    IPv4Network(network)
    for network in (
        "168.63.129.16/32",
        "192.0.0.0/24",  # IETF protocol assignments
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.175.48.0/24",  # AS112
    )
)
_NEVER_IPV6: Final = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # IETF protocol assignments, Teredo and ORCHID among them
        "2001:db8::/32",  # documentation
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
#: All that was ever given to hosts (IANA, "IPv6 Address Space"); what lies outside is of a house, a link, a machine.
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
#: IPv6 addresses that lead to an IPv4 address. Sources: RFC 6052 (NAT64), RFC 3056 (6to4), RFC 4291 (IPv4-compatible).
_NAT64: Final = IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = IPv6Network("::/96")


def is_public(address: str) -> bool:
    """Whether an address (as text, a zone behind `%` allowed) is one of a host on the public Internet."""
    try:
        judged = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(judged, IPv4Address):
        return _is_public_ipv4(judged)
    led_to = _led_to(judged)
    if led_to is not None:
        return _is_public_ipv4(led_to)
    return judged in _GLOBAL_UNICAST and judged.is_global and not any(judged in network for network in _NEVER_IPV6)


def _led_to(judged: IPv6Address) -> IPv4Address | None:
    if judged.ipv4_mapped is not None:
        return judged.ipv4_mapped
    if judged.sixtofour is not None:
        return judged.sixtofour
    if judged in _NAT64 or judged in _COMPATIBLE:
        return IPv4Address(int(judged) & 0xFFFFFFFF)
    return None


def _is_public_ipv4(judged: IPv4Address) -> bool:
    if any(judged in network for network in _NEVER_IPV4):
        return False
    return judged.is_global and not judged.is_multicast and not judged.is_reserved
