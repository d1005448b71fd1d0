"""Posts sends to the configured host, and reads from it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from tidegate.upstream.dialler import Dialler
from tidegate.upstream.heads import Heads, Unwritable
from tidegate.upstream.outcomes import NotSent, Outcome
from tidegate.upstream.pool import Pool


@dataclass(slots=True)
class Upstream:
    """Posts sends to the configured host, and nowhere else. `tokens` by phone_number_id; never shown.

    Its `session` serves what is no send: the same host, and those that media files lie on.
    """

    base_url: str
    timeout_s: float
    tokens: Mapping[str, str] = field(repr=False)
    _session: aiohttp.ClientSession | None = field(default=None, repr=False)
    _pool: Pool | None = field(default=None, repr=False)
    _heads: Heads = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._heads = Heads(self._base(), self.tokens)

    async def start(self) -> None:
        """Open both pools of connections."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=30, keepalive_timeout=20),
            timeout=aiohttp.ClientTimeout(total=self.timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=True,
            trust_env=False,
            raise_for_status=False,
        )
        self._pool = Pool(Dialler(self._base()), self.timeout_s)

    async def close(self) -> None:
        """Close both pools; sends under way are cut, so end them first."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The client session; it follows no redirect by itself only where told so. Raises RuntimeError before start."""
        if self._session is None:
            raise RuntimeError("the upstream client has not been started")
        return self._session

    def url(self, raw_path: str) -> URL:
        """The address of a raw path (with its query) on the configured host, percent-encoding untouched."""
        return URL(f"{self.base_url}{raw_path}", encoded=True)

    def _base(self) -> URL:
        return URL(self.base_url, encoded=True)

    async def post(
        self,
        number: str,
        raw_path: str,
        body: bytes,
        headers: Mapping[str, str],
        may_start: Callable[[], bool],
    ) -> Outcome:
        """POST one message, once. `may_start` is asked in the very step that would write the first byte.

        Never raises for what the peer may do: whatever can't be read once bytes have left is Unknown. No redirect is
        followed. Raises KeyError for a number without a token, RuntimeError before start.
        """
        pool = self._pool
        if pool is None:
            raise RuntimeError("the upstream client has not been started")
        try:
            request = self._heads.request(number, raw_path, headers, body)
        except Unwritable as fault:
            return NotSent(str(fault))
        sending = pool.begin(request, may_start)
        try:
            return await sending.outcome
        except asyncio.CancelledError:
            # What is told here is the last word: nothing of this send is written later.
            pool.cut(sending)
            raise
