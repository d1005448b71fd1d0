"""A Cloud API that accepts whatever is sent, as fast as Python can: what is measured is never this.

`python -m loadtest.bench.peers.cloud_api PORT`. It answers sends in Meta's shape and the gateway's reads of numbers,
accounts and templates; it counts the sends that it accepted, each message once, by `biz_opaque_callback_data` or,
where there is none, by the whole body. It judges nothing: for that there is `tidegate simulate`.

The caller of the bench steers it by `/_bench/...`: `count`, `reset`, `delay?ms=`, `keep`, `taken` and `kept`.
"""

from __future__ import annotations

import asyncio
import gc
import re
import sys
from typing import Final, cast
from urllib.parse import parse_qs, urlsplit

import httptools
import orjson
import uvloop

TEMPLATE: Final = "order_update"
_TO: Final = re.compile(rb'"to": ?"\+?(\d+)"')
_OPAQUE: Final = re.compile(rb'"biz_opaque_callback_data": ?"([^"]+)"')
_NUMBER_AND_ACCOUNT: Final = {
    "quality_rating": "GREEN",
    "status": "CONNECTED",
    "name_status": "APPROVED",
    # 1,000 messages a second: what Meta gives a number at most.
    "throughput": {"level": "HIGH"},
    "account_review_status": "APPROVED",
    "business_verification_status": "verified",
}
_TEMPLATES: Final = {
    "data": [{"id": "1", "name": TEMPLATE, "language": "en_US", "category": "UTILITY", "status": "APPROVED"}]
}


class Book:
    """What was accepted since the last reset, and how answers are to be given."""

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.keeps = False
        self._ids = 0
        self.reset()

    def reset(self) -> None:
        """Forget what was counted; ids of messages go on, for they are never given twice."""
        self.accepted = self.repeated = 0
        self._known: set[int] = set()
        #: Callback data, id, recipient and number of what was accepted, while it is to be kept.
        self.kept: list[tuple[str, str, str, str]] = []

    def take(self, number: bytes, body: bytes) -> bytes:
        """Count a send; the answer to it."""
        opaque = _OPAQUE.search(body)
        key = hash(opaque[1] if opaque else body)
        if key in self._known:
            self.repeated += 1
        self._known.add(key)
        self.accepted = len(self._known)
        self._ids += 1
        to = _TO.search(body)
        recipient = to[1] if to else b""
        wamid = b"wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI%012dQUJDREVG" % self._ids
        if self.keeps and opaque:
            self.kept.append((opaque[1].decode(), wamid.decode(), recipient.decode(), number.decode()))
        return (
            b'{"messaging_product":"whatsapp","contacts":[{"input":"%b","wa_id":"%b"}],'
            b'"messages":[{"id":"%b","message_status":"accepted"}]}' % (recipient, recipient, wamid)
        )

    def steer(self, target: str) -> bytes:
        """Do what the bench asks for; the answer to it."""
        asked = urlsplit(target)
        match asked.path.rpartition("/")[2]:
            case "reset":
                self.reset()
            case "delay":
                self.delay_s = float(parse_qs(asked.query)["ms"][0]) / 1_000
            case "keep":
                self.keeps = True
            case "taken":
                taken, self.kept = self.kept, []
                return orjson.dumps(taken)
            case "kept":
                self.keeps, kept, self.kept = False, self.kept, []
                return orjson.dumps(kept)
            case _:
                pass
        return orjson.dumps({"accepted": self.accepted, "repeated": self.repeated})


class Connection(asyncio.Protocol):
    """One connection; requests come one after the other."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._url = self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there."""
        # uvloop's transports are none of asyncio's classes.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._url = self._body = b""

    def on_url(self, url: bytes) -> None:
        """A piece of its target."""
        self._url += url

    def on_body(self, body: bytes) -> None:
        """A piece of its body."""
        self._body += body

    def on_message_complete(self) -> None:
        """Answer it."""
        if self._url.endswith(b"/messages"):
            body = self._book.take(self._url.rsplit(b"/", 2)[1], self._body)
            if self._book.delay_s:
                asyncio.get_running_loop().call_later(self._book.delay_s, self._answer, body)
                return
        elif self._url.startswith(b"/_bench/"):
            body = self._book.steer(self._url.decode())
        else:
            target = urlsplit(self._url.decode())
            is_list = target.path.endswith("/message_templates")
            body = orjson.dumps(_TEMPLATES if is_list else {"id": target.path.rpartition("/")[2]} | _NUMBER_AND_ACCOUNT)
        self._answer(body)

    def _answer(self, body: bytes) -> None:
        assert self._transport is not None
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\nContent-Length: %d\r\n\r\n%b"
            % (len(body), body)
        )


async def serve(port: int) -> None:
    """Answer until ended."""
    book = Book()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(book), "127.0.0.1", port, backlog=1_024)
    gc.freeze()
    gc.disable()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
