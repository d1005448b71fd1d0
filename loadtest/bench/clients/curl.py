"""pycurl on an event loop: libcurl says which sockets it waits for, and is told when they are ready."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pycurl


class Curls:
    """One multi handle; its easy handles are used again."""

    def __init__(
        self, url: str, body: bytes, headers: Mapping[str, str], trusted: Path | None, timeout_s: float, *, http2: bool
    ) -> None:
        self._url = url
        self._body = body
        self._headers = [f"{name}: {value}" for name, value in headers.items()]
        self._trusted = trusted
        self._timeout_s = timeout_s
        self._http2 = http2
        self._loop = asyncio.get_running_loop()
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._time)
        self._multi.setopt(pycurl.M_MAXCONNECTS, 512)
        self._timer: asyncio.TimerHandle | None = None
        self._idle: list[Any] = []
        self._waiting: dict[Any, asyncio.Future[str]] = {}

    async def post(self) -> str:
        """Post once: a status, or libcurl's code."""
        easy = self._idle.pop() if self._idle else self._made()
        received: list[bytes] = []
        easy.setopt(pycurl.WRITEFUNCTION, received.append)
        outcome: asyncio.Future[str] = self._loop.create_future()
        self._waiting[easy] = outcome
        self._multi.add_handle(easy)
        return await outcome

    def _made(self) -> Any:
        easy = pycurl.Curl()
        easy.setopt(pycurl.URL, self._url)
        easy.setopt(pycurl.POSTFIELDS, self._body)
        easy.setopt(pycurl.HTTPHEADER, self._headers)
        easy.setopt(pycurl.TIMEOUT_MS, int(self._timeout_s * 1000))
        version = pycurl.CURL_HTTP_VERSION_2_0 if self._http2 else pycurl.CURL_HTTP_VERSION_1_1
        easy.setopt(pycurl.HTTP_VERSION, version)
        easy.setopt(pycurl.PIPEWAIT, int(self._http2))
        if self._trusted is not None:
            easy.setopt(pycurl.CAINFO, str(self._trusted))
        return easy

    def _socket(self, event: int, fd: int, _multi: Any, _data: Any) -> None:
        self._loop.remove_reader(fd)
        self._loop.remove_writer(fd)
        if event & pycurl.POLL_IN and event != pycurl.POLL_REMOVE:
            self._loop.add_reader(fd, self._ready, fd, pycurl.CSELECT_IN)
        if event & pycurl.POLL_OUT and event != pycurl.POLL_REMOVE:
            self._loop.add_writer(fd, self._ready, fd, pycurl.CSELECT_OUT)

    def _time(self, timeout_ms: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if timeout_ms >= 0:
            self._timer = self._loop.call_later(timeout_ms / 1000, self._ready, pycurl.SOCKET_TIMEOUT, 0)

    def _ready(self, fd: int, what: int) -> None:
        self._multi.socket_action(fd, what)
        while True:
            left, good, bad = self._multi.info_read()
            for easy in good:
                self._ended(easy, str(easy.getinfo(pycurl.RESPONSE_CODE)))
            for easy, code, _ in bad:
                self._ended(easy, f"libcurl's {code}")
            if not left:
                return

    def _ended(self, easy: Any, told: str) -> None:
        self._multi.remove_handle(easy)
        self._idle.append(easy)
        outcome = self._waiting.pop(easy)
        if not outcome.done():
            outcome.set_result(told)
