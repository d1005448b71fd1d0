"""Links in Graph's answers: they lead back through the gateway, and carry no token of Meta's."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import ClassVar, Final
from urllib.parse import quote

from tidegate.edge.denials import Denial
from tidegate.edge.graph_paths import scrubbed

_ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9.:\[\]-]{1,255}(?:/[A-Za-z0-9._~/-]{1,512})?")
# One for each name: what begins with plain text is sought several times as fast. No address is longer than that.
_PAGING: Final = tuple(
    re.compile(rb'("%b"\s*:\s*")((?:[^"\\]|\\.){0,8192})(")' % name) for name in (b"next", b"previous")
)


@dataclass(frozen=True, slots=True)
class Links:
    """Rewrites one answer.

    `base_url` is where the answer comes from, `origin` where its reader came to. `token` is Meta's and must not be
    seen; `query_key` is the caller's own key where it was given in the query, and is to be in the links again.
    """

    READABLE: ClassVar = frozenset({"application/json", "text/javascript", "application/javascript", "text/html"})

    base_url: str
    origin: str
    token: str = field(repr=False)
    query_key: str | None = field(repr=False)

    def holds_token(self, text: str) -> bool:
        """Whether a header's value shows Meta's token."""
        return self.token in text or quote(self.token, safe="") in text

    def rewritten(self, body: bytes) -> bytes:
        """The body with its paging links leading here, and Meta's token nowhere.

        Source: Meta, "Graph API: paged results": `paging.next` is absolute, and repeats the access token.
        """
        for paging in _PAGING:
            body = paging.sub(self._link, body)
        for spelling in {self.token, quote(self.token, safe="")}:
            body = body.replace(spelling.encode(), b"")
        return body

    def _link(self, match: re.Match[bytes]) -> bytes:
        text = match[2].decode("utf-8", "replace")
        escaped = "\\/" in text
        link = text.replace("\\/", "/").replace("\\u0026", "&")
        if not link.startswith(f"{self.base_url}/") or not _ORIGIN.fullmatch(self.origin) or "\\" in link:
            return match[0]
        path, _, query = link.removeprefix(self.base_url).partition("?")
        try:
            pairs = [scrubbed(query)] if query else []
        except Denial:
            return match[0]
        if self.query_key is not None:
            pairs.append(f"access_token={quote(self.query_key, safe='')}")
        query = "&".join(pair for pair in pairs if pair)
        link = f"{self.origin}{path}?{query}" if query else f"{self.origin}{path}"
        return match[1] + (link.replace("/", "\\/") if escaped else link).encode() + match[3]
