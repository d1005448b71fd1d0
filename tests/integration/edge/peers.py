"""Servers that stand where Graph should be, and do with the bytes of a send what nobody wishes for."""

from __future__ import annotations

import asyncio
import datetime
import gzip
import ipaddress
import json
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
#: What is done once a send's last byte was read.
Fault = Callable[[Reader, Writer], Awaitable[None]]

_NOTHING: Final = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"data":[]}'
_WAMID: Final = "wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI="


class Peer:
    """Answers reads with nothing to read, and every send with its `fault`; counts the sends that it read whole."""

    def __init__(self, fault: Fault, tls: ssl.SSLContext | None = None) -> None:
        self.fault = fault
        self.sends = 0
        self.connections = 0
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._writers: list[Writer] = []

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: Reader, writer: Writer) -> None:
        self._writers.append(writer)
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if head.startswith(b"POST "):
                    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                    await reader.readexactly(length)
                    self.sends += 1
                    await self.fault(reader, writer)
                else:
                    writer.write(_NOTHING)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, EOFError):
            pass
        finally:
            writer.close()


def says(raw: bytes) -> Fault:
    """These bytes, and then whatever comes next on the connection."""

    async def fault(_reader: Reader, writer: Writer) -> None:
        writer.write(raw)
        await writer.drain()

    return fault


def ends_with(raw: bytes) -> Fault:
    """These bytes, and then the end of the connection."""

    async def fault(_reader: Reader, writer: Writer) -> None:
        writer.write(raw)
        await writer.drain()
        raise EOFError

    return fault


async def resets(_reader: Reader, writer: Writer) -> None:
    """A reset instead of an answer."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    raise EOFError


def hangs_after(raw: bytes) -> Fault:
    """These bytes, and then nothing for as long as the other side stays."""

    async def fault(reader: Reader, writer: Writer) -> None:
        writer.write(raw)
        await writer.drain()
        await reader.read()
        raise EOFError

    return fault


async def drips(_reader: Reader, writer: Writer) -> None:
    """An answer of a byte now and then, which does not end."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not writer.transport.is_closing():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)
    raise EOFError


async def floods(_reader: Reader, writer: Writer) -> None:
    """Ten gigabytes, or as much as the other side takes."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
    chunk = b" " * 65_536
    for _ in range(10_000_000_000 // len(chunk)):
        writer.write(chunk)
        await writer.drain()
    raise EOFError


def answer(status: str, body: bytes, **headers: str) -> bytes:
    """An HTTP answer; header names with _ for -."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def taken(message_id: object = _WAMID, **more: object) -> bytes:
    """Meta's word that it took a message, under any id."""
    return json.dumps({"messaging_product": "whatsapp", "messages": [{"id": message_id}], **more}).encode()


def graph_error(code: object) -> bytes:
    return json.dumps({"error": {"message": "(#0) no", "type": "OAuthException", "code": code}}).encode()


def bomb() -> bytes:
    """200 MB of nothing in 200 kB."""
    return answer("200 OK", gzip.compress(b" " * 200_000_000), Content_Encoding="gzip")


def own_certificate(directory: Path, name: str) -> ssl.SSLContext:
    """A server's TLS with a certificate for `name` that nobody but itself has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    begin = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = directory / "own.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


#: What proves nothing: the message may have been taken.
PROVES_NOTHING: Final[dict[str, Fault]] = {
    "a reset": resets,
    "an end without an answer": ends_with(b""),
    "silence": hangs_after(b""),
    "half a head, then the end": ends_with(b"HTTP/1.1 200 OK\r\nContent-"),
    "half a head, then silence": hangs_after(b"HTTP/1.1 200 OK\r\nContent-"),
    "half an acceptance, then the end": ends_with(answer("200 OK", taken())[:-9]),
    "half an acceptance, then silence": hangs_after(answer("200 OK", taken())[:-9]),
    "half a Graph error, then the end": ends_with(answer("400 Bad Request", graph_error(131_026))[:-9]),
    "what is not HTTP": ends_with(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "a head of many lines": ends_with(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 60_000 + b"\r\n"),
    "a head with an endless line": ends_with(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n"),
    "a length that is none": ends_with(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"),
    "chunks that are none": ends_with(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n"),
    "two lengths": ends_with(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} "),
    "gzip that is none": ends_with(answer("200 OK", b"\x1f\x8bnonsense", Content_Encoding="gzip")),
    "a gzip bomb": ends_with(bomb()),
    "ten gigabytes": floods,
    "a drip": drips,
    "a change of protocol": hangs_after(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
    ),
    "200 with nothing": says(answer("200 OK", b"")),
    "204": says(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "200 with JSON that is cut": says(answer("200 OK", taken()[:-3])),
    "200 without an id": says(answer("200 OK", b'{"messaging_product":"whatsapp","messages":[{}]}')),
    "200 with an id twice": says(answer("200 OK", b'{"messages":[{"id":"wamid.a","id":"wamid.b"}]}')),
    "200 with an id of two lines": says(answer("200 OK", taken("wamid.a\nb"))),
    "200 with an id of another shape": says(answer("200 OK", taken("fake-1"))),
    "200 with an id that is a number": says(answer("200 OK", taken(5))),
    "200 with an error": says(answer("200 OK", graph_error(131_026))),
    "200 with an id and an error": says(answer("200 OK", taken(error={"code": 131_026}))),
    "200 with HTML": says(answer("200 OK", b"<html>Welcome to the hotel", Content_Type="text/html")),
    "301": says(answer("301 Moved Permanently", b"", Location="/elsewhere")),
    "302": says(answer("302 Found", b"", Location="http://127.0.0.1:9/")),
    "307": says(answer("307 Temporary Redirect", b"", Location="/elsewhere")),
    "308 with an error": says(answer("308 Permanent Redirect", graph_error(131_026), Location="/elsewhere")),
    "400 with HTML": says(answer("400 Bad Request", b"<html>", Content_Type="text/html")),
    "400 with a code that is a word": says(answer("400 Bad Request", graph_error("131026"))),
    "400 with a code that tells of what came after": says(answer("400 Bad Request", graph_error(131_052))),
    "401 of a proxy": says(answer("401 Unauthorized", b"", WWW_Authenticate="Basic")),
    "429 of a proxy": says(answer("429 Too Many Requests", b"slow down", Retry_After="1")),
    "500 with HTML": says(answer("500 Internal Server Error", b"<html>", Content_Type="text/html")),
    "500 with other JSON": says(answer("500 Internal Server Error", b'{"error":"no"}')),
    "502 with HTML": says(answer("502 Bad Gateway", b"<html>", Content_Type="text/html")),
    "503 with nothing": says(answer("503 Service Unavailable", b"")),
    "504 with HTML": says(answer("504 Gateway Timeout", b"<html>", Content_Type="text/html")),
}

#: A Graph error is Meta's own word that it did not take the message.
REFUSES: Final[dict[str, Fault]] = {
    "400, the recipient": says(answer("400 Bad Request", graph_error(131_026))),
    "401, the token": says(answer("401 Unauthorized", graph_error(190))),
    "500, something went wrong": says(answer("500 Internal Server Error", graph_error(131_000))),
    "503, the service": says(answer("503 Service Unavailable", graph_error(2))),
    "a refusal that is called HTML": says(answer("400 Bad Request", graph_error(100), Content_Type="text/html")),
}
