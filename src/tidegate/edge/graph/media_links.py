"""Addresses of media files: Meta's own, which take Meta's token, become addresses of the gateway that nobody can make.

Source: Meta, "Media": `GET /{media_id}` answers with a `url` of 5 minutes, to be read with the access token.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tidegate.settings import Settings

#: Where the gateway serves what such an address leads to.
PATH: Final = "/media/"
_SEALED: Final = re.compile(r"/media/([A-Za-z0-9_-]{40,4096})")
_NONCE: Final = 12
#: What describes a file is short.
_DESCRIPTION_MOST: Final = 65_536
_URL: Final = re.compile(rb'("url"\s*:\s*)("(?:[^"\\]|\\.)*")')
_ORIGIN: Final = re.compile(r"(https?://[^/?#]+)/")


@dataclass(frozen=True, slots=True)
class MediaLink:
    """What one address stands for: Meta's `url`, for one app, to be read with the token of one account."""

    url: str = field(repr=False)
    app: str
    waba: str


class MediaLinks:
    """Seals Meta's addresses, and opens what it sealed. Every node of one configuration opens what another sealed."""

    def __init__(self, keys: Iterable[bytes], origins: Iterable[str]) -> None:
        """`keys`: the first seals, all open. `origins`: where files may lie; the token goes nowhere else, whatever an
        answer says.
        """
        self._aead, *self._previous = (
            AESGCM(hashlib.blake2b(key, digest_size=32, person=b"tidegate-media").digest()) for key in keys
        )
        self._origins = frozenset(origins)

    @classmethod
    def of(cls, settings: Settings) -> MediaLinks:
        """Those of a configuration."""
        keys = (settings.privacy.payload_key, *settings.privacy.previous_keys)
        return cls([key.get_secret_value() for key in keys], settings.upstream.file_origins)

    def sealed(self, link: MediaLink) -> str:
        """The path that stands for this address."""
        nonce = os.urandom(_NONCE)
        told = orjson.dumps([link.url, link.app, link.waba])
        return PATH + base64.urlsafe_b64encode(nonce + self._aead.encrypt(nonce, told, None)).decode().rstrip("=")

    def opened(self, path: str) -> MediaLink | None:
        """What a path stands for; None for one that was not made here."""
        match = _SEALED.fullmatch(path)
        if match is None:
            return None
        try:
            raw = base64.urlsafe_b64decode(match[1] + "=" * (-len(match[1]) % 4))
        except (binascii.Error, ValueError):
            return None
        for aead in (self._aead, *self._previous):
            with contextlib.suppress(InvalidTag, ValueError):
                url, app, waba = orjson.loads(aead.decrypt(raw[:_NONCE], raw[_NONCE:], None))
                return MediaLink(url, app, waba) if self._is_metas(url) else None
        return None

    def address(self, origin: str, url: str, app: str, waba: str) -> str | None:
        """The gateway's address for one of Meta's, where it is reached at `origin`; None for any other address."""
        return origin + self.sealed(MediaLink(url, app, waba)) if self._is_metas(url) else None

    def rewritten(self, body: bytes, object_id: str, app: str, waba: str, origin: str) -> bytes:
        """The description of this file with its `url` leading here; any other body as it is.

        Only where Meta speaks of the object that was asked for: an address in a text that somebody else wrote is
        not made one that the gateway would read.
        """
        if len(body) > _DESCRIPTION_MOST or b'"url"' not in body or not origin:
            return body
        try:
            told = orjson.loads(body)
        except orjson.JSONDecodeError:
            return body
        url = told.get("url") if isinstance(told, dict) and told.get("id") == object_id else None
        address = self.address(origin, url, app, waba) if isinstance(url, str) else None
        if address is None:
            return body
        ours = orjson.dumps(address)
        return _URL.sub(lambda found: found[1] + (ours if orjson.loads(found[2]) == url else found[2]), body)

    def _is_metas(self, url: str) -> bool:
        match = _ORIGIN.match(url)
        return match is not None and match[1] in self._origins and url.isascii() and url.isprintable()
