"""This machine: the HTTP parser, open files, the ports, the disks, the certificate of the port."""

from __future__ import annotations

import errno
import http.client
import resource
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from cryptography import x509

from tidegate.cli.examination.finding import Finding, Level
from tidegate.cli.open_files import open_files_for
from tidegate.edge.door import http_parser
from tidegate.settings import Settings
from tidegate.settings.tables import Server

_EMBEDDED: Final = "embedded:"
_LEAST_FREE_BYTES: Final = 1_000_000_000
_GLANCE_S: Final = 2.0
_DAY_S: Final = 86_400
_SOON_DAYS: Final = 14


def examine_machine(settings: Settings) -> list[Finding]:
    """What has to be there before a node starts."""
    return [
        _parser(),
        _open_files(settings.server),
        *_ports(settings.server),
        *_disks(settings),
        *_tls(settings.server),
    ]


def _parser() -> Finding:
    if http_parser.is_in_c():
        return Finding("parser", Level.OK, "aiohttp reads HTTP by its parser in C")
    found = "aiohttp runs without its HTTP parser in C: serve does not start"
    return Finding("parser", Level.FAIL, found, http_parser.REMEDY)


def _open_files(server: Server) -> Finding:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = open_files_for(server.max_connections)
    if hard == resource.RLIM_INFINITY or hard >= wanted:
        return Finding("files", Level.OK, f"a process may open {wanted:,}, as max_connections needs")
    remedy = f"raise the hard limit (LimitNOFILE={wanted} in systemd, ulimit -Hn), or lower server.max_connections"
    found = f"a process may open {hard:,} files, and max_connections needs {wanted:,}"
    return Finding("files", Level.WARN, found, remedy)


def _ports(server: Server) -> Iterator[Finding]:
    for key, one in (("listen", server), ("control_listen", server.control)):
        if one is not None and one.port:
            yield _port(f"server.{key}", one)


def _port(key: str, server: Server) -> Finding:
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    with closing(socket.socket(family)) as wanted:
        # What a node does too: a port whose last connections are still being forgotten can be had.
        wanted.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            wanted.bind((server.host, server.port))
        except OSError as fault:
            return _taken(key, server, fault)
    return Finding("port", Level.OK, f"{server.listen} is free")


def _taken(key: str, server: Server, fault: OSError) -> Finding:
    if fault.errno != errno.EADDRINUSE:
        why = f"{server.listen} can't be had: {fault.strerror or fault}"
        return Finding("port", Level.FAIL, why, f"choose another address or port for {key}")
    if _is_a_node(server):
        return Finding("port", Level.OK, f"a node listens at {server.listen}")
    remedy = f"end what listens there, or choose another port for {key}"
    return Finding("port", Level.FAIL, f"{server.listen} is taken by something that is no node", remedy)


def _is_a_node(server: Server) -> bool:
    """Whether a gateway answers there. A port with TLS that shakes hands is taken for one."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(server.host, server.host)
    connection = http.client.HTTPConnection(host, server.port, timeout=_GLANCE_S)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().getheader("Server", "") == "tidegate"
    except (OSError, http.client.HTTPException):
        return server.tls_certificate is not None
    finally:
        connection.close()


def _disks(settings: Settings) -> Iterator[Finding]:
    url = settings.store.url.get_secret_value()
    if url.startswith(_EMBEDDED):
        yield _disk("store.url", Path(url.removeprefix(_EMBEDDED)))
    if settings.journal.directory is not None:
        yield _disk("journal.directory", settings.journal.directory)


def _disk(key: str, wanted: Path) -> Finding:
    there = next(place for place in (wanted, *wanted.absolute().parents) if place.exists())
    try:
        free = shutil.disk_usage(there).free
    except OSError as fault:
        return Finding("disk", Level.FAIL, f"{wanted} can't be looked at: {fault.strerror}", f"correct {key}")
    if free < _LEAST_FREE_BYTES:
        found = f"{wanted} has {free / 1e9:.1f} GB left; a full disk stops every send"
        return Finding("disk", Level.WARN, found, f"make room, or move {key} to a larger disk")
    return Finding("disk", Level.OK, f"{wanted} has {free / 1e9:.0f} GB left")


def _tls(server: Server) -> Iterator[Finding]:
    if server.tls_certificate is None:
        return
    try:
        certificate = x509.load_pem_x509_certificate(server.tls_certificate.read_bytes())
    except (OSError, ValueError) as fault:
        told = getattr(fault, "strerror", None) or "it is no certificate in PEM"
        yield Finding("tls", Level.FAIL, f"{server.tls_certificate}: {told}", "correct server.tls_certificate")
        return
    now_s = time.time()  # noqa: TID251 - a certificate ends by this machine's clock
    yield judge_certificate(certificate.not_valid_after_utc.timestamp() - now_s)


def judge_certificate(left_s: float) -> Finding:
    """A certificate that has so long to live."""
    days, remedy = int(left_s // _DAY_S), "renew it, put it in its place, and send SIGHUP to the node"
    if left_s <= 0:
        return Finding("tls", Level.FAIL, "the certificate has run out", remedy)
    if days < _SOON_DAYS:
        return Finding("tls", Level.WARN, f"the certificate runs out in {days} days", remedy)
    return Finding("tls", Level.OK, f"the certificate lasts {days} days more")
