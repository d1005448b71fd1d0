"""Makes connections to the one configured host: its addresses, the quickest of them, TLS."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import aiohappyeyeballs
from yarl import URL

P = TypeVar("P", bound=asyncio.BaseProtocol)
#: What getaddrinfo tells of one address.
_Address = tuple[int, int, int, str, tuple[Any, ...]]

#: Names are not looked up anew within this span, as long as their addresses are good.
_NAMES_KEPT_S: Final = 30.0
#: The next address is tried beside one that takes longer. Source: RFC 8305, section 5.
_NEXT_ADDRESS_AFTER_S: Final = 0.25


class Dialler:
    """Connects to the host of an address (http or https), and to nowhere else."""

    def __init__(self, base: URL) -> None:
        if base.host is None or base.port is None:
            raise ValueError("an address of an upstream has a host")
        self._host = base.host
        self._port = base.port
        self._tls = _context() if base.scheme == "https" else None
        self._addresses: Sequence[_Address] = ()
        self._looked_up_at = 0.0

    async def dial(self, make: Callable[[], P]) -> P:
        """A protocol whose connection is ready, TLS included.

        Raises OSError: the name is not known, nobody can be reached, or who is reached can't prove who it is.
        """
        loop = asyncio.get_running_loop()
        try:
            found = await aiohappyeyeballs.start_connection(
                await self._look_up(loop), happy_eyeballs_delay=_NEXT_ADDRESS_AFTER_S, interleave=1, loop=loop
            )
        except OSError:
            self._addresses = ()
            raise
        name = self._host.rstrip(".") if self._tls else None
        _, protocol = await loop.create_connection(make, sock=found, ssl=self._tls, server_hostname=name)
        return protocol

    async def _look_up(self, loop: asyncio.AbstractEventLoop) -> Sequence[_Address]:
        if self._addresses and loop.time() - self._looked_up_at < _NAMES_KEPT_S:
            return self._addresses
        self._addresses = _literal(self._host, self._port) or await loop.getaddrinfo(
            self._host, self._port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
        self._looked_up_at = loop.time()
        return self._addresses


def _literal(host: str, port: int) -> Sequence[_Address]:
    """The address that a host is written as; none: it is a name."""
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return ()
    if "%" in host:
        # Which interface that is takes a look at the machine.
        return ()
    where = (host, port) if version == 4 else (host, port, 0, 0)
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    return ((family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", where),)


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
