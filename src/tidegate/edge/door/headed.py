"""What the door looks at of a request, whichever way it came."""

from __future__ import annotations

from typing import Protocol

from multidict import CIMultiDictProxy


class Headed(Protocol):
    """Whatever has the headers of a request, and knows who is at the other end of its connection."""

    @property
    def headers(self) -> CIMultiDictProxy[str]:
        """As aiohttp's parser read them."""
        ...

    @property
    def remote(self) -> str | None:
        """The address that connected here."""
        ...
