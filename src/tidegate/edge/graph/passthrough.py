"""Everything of Graph's that is no send: handed on as it is, but for the token and who may reach what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import unquote_plus

import aiohttp
from aiohttp import web
from yarl import URL

from tidegate.cloudapi.messages import BadMessage
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.door.bodies import form_text, is_form, is_json, is_multipart, read_body, refuse_encoded
from tidegate.edge.door.keyring import Keyring, bearer, require
from tidegate.edge.door.origins import origin_of
from tidegate.edge.door.strangers import Strangers
from tidegate.edge.door.turnstile import Turnstiles
from tidegate.edge.grants import Grants
from tidegate.edge.graph.account_wide import require_reach
from tidegate.edge.graph.disguises import PartNames, refuse_disguised_json
from tidegate.edge.graph.exchange import Exchange, Rewriter
from tidegate.edge.graph.links import Links
from tidegate.edge.graph.media_links import MediaLinks
from tidegate.edge.graph.way_headers import for_graph
from tidegate.edge.graph_paths import Target, credential, credentials, scrubbed
from tidegate.edge.services import Services
from tidegate.gateway import Route
from tidegate.settings.app_keys import is_metas
from tidegate.settings.tables import App, Scope

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_JSON_MOST: Final = 1024 * 1024
#: What a file says of itself is its sender's: shown by a browser it is to do nothing in the gateway's name.
_HARMLESS: Final = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}


class Passthrough:
    """Hands requests to the upstream host, reads files where Meta keeps them, and speaks to no other host."""

    def __init__(
        self, services: Services, keyring: Keyring, grants: Grants, turnstiles: Turnstiles, strangers: Strangers
    ) -> None:
        settings = services.settings
        self._upstream = services.upstream
        self._keyring = keyring
        self._grants = grants
        self._turnstiles = turnstiles
        self._strangers = strangers
        self._public_url = settings.server.public_url
        self._stall_s = settings.server.stall_timeout_ms / 1000
        self._media_links = MediaLinks.of(settings)

    async def forward(self, request: web.Request, target: Target, headers: Mapping[str, str]) -> web.StreamResponse:
        """Answer one request; `headers` go with the answer. Raises Denial."""
        query_key = credential(target.query)
        key = bearer(request.headers.getall("Authorization", [])) or query_key
        raw: bytes | None = None
        if key is None and "Authorization" not in request.headers and is_form(request) and not target.is_upload:
            raw = await self._strangers.read(request)
            key = credential(raw.decode("ascii", "replace"))
        app = await self._keyring.app(request, key)
        require(app, Scope.SEND)
        with self._turnstiles.node, self._turnstiles.of(app):
            if app.own_token and key is not None and is_metas(key):
                return await self._forward_untouched(request, target, headers, app, raw, key)
            return await self._forward(request, target, headers, app, raw, key if query_key else None)

    async def _forward_untouched(
        self,
        request: web.Request,
        target: Target,
        headers: Mapping[str, str],
        app: App,
        raw: bytes | None,
        token: str,
    ) -> web.StreamResponse:
        """With the caller's own token, wherever it stands; Meta's links and addresses need that token, and stay."""
        if not self._grants.reaches(app, target) or not target.allows(request.method, has_body=request.can_read_body):
            raise Denial(Kind.NOT_FOUND)
        require_reach(app, request.method, target, self._grants.held(app, target))
        # Looked at as any other, and sent on as it came.
        scrubbed(target.query)
        exchange = Exchange(request, self._upstream, headers, self._stall_s)
        body = await self._whole_body(request, target, raw, keeps_keys=True)
        _refuse_other_keys(request, target, body or b"", token)
        streamed = exchange.streamed(_look(request, target)) if request.can_read_body else None
        return await exchange.run(
            self._upstream.url(f"{target.path}?{target.query}" if target.query else target.path),
            for_graph(request.headers, None, keeps_length=True),
            streamed if body is None else body,
            lambda _answer: None,
            lambda _value: False,
        )

    async def _forward(
        self,
        request: web.Request,
        target: Target,
        headers: Mapping[str, str],
        app: App,
        raw: bytes | None,
        query_key: str | None,
    ) -> web.StreamResponse:
        access = self._grants.access(app, target)
        if access is None or not target.allows(request.method, has_body=request.can_read_body):
            raise Denial(Kind.NOT_FOUND)
        require_reach(app, request.method, target, self._grants.held(app, target))
        query = scrubbed(target.query)
        exchange = Exchange(request, self._upstream, headers, self._stall_s)
        body = await self._whole_body(request, target, raw)
        streamed = exchange.streamed(_look(request, target)) if request.can_read_body else None
        origin = origin_of(request, self._public_url)
        links = Links(self._upstream.base_url, origin, access.token, query_key)
        # Graph gives a field the name that the caller wants, `name.as(url)`: its value is then no address of Meta's.
        is_plain = "(" not in unquote_plus(query) and streamed is None and body in (None, b"", b"{}")

        def rewritten(answer: bytes) -> bytes:
            answer = links.rewritten(answer)
            if request.method != "GET" or target.edges or not is_plain:
                return answer
            return self._media_links.rewritten(answer, target.object_id, app.name, access.waba, origin)

        return await exchange.run(
            self._upstream.url(f"{target.path}?{query}" if query else target.path),
            for_graph(request.headers, access.token, keeps_length=body is None),
            streamed if body is None else body,
            _of_readable(rewritten),
            links.holds_token,
        )

    async def forward_receipt(
        self, request: web.Request, target: Target, route: Route, body: bytes
    ) -> web.StreamResponse:
        """Pass on a read receipt, which is no send. Raises Denial."""
        token = self._upstream.tokens[route.number]
        links = Links(self._upstream.base_url, origin_of(request, self._public_url), token, None)
        headers = for_graph(request.headers, token, keeps_length=False)
        headers["Content-Type"] = "application/json"
        exchange = Exchange(request, self._upstream, {}, self._stall_s)
        url = self._upstream.url(target.path)
        return await exchange.run(url, headers, body, _of_readable(links.rewritten), links.holds_token)

    async def read_medium(self, request: web.Request, headers: Mapping[str, str]) -> web.StreamResponse:
        """Stream a file from where Meta keeps it, for the app that was given its address. Raises Denial."""
        path, _, query = request.raw_path.partition("?")
        key = bearer(request.headers.getall("Authorization", [])) or credential(query)
        app = await self._keyring.app(request, key)
        require(app, Scope.SEND)
        link = self._media_links.opened(path)
        token = self._grants.token_of_waba(app, link.waba) if link and link.app == app.name else None
        if link is None or token is None:
            raise Denial(Kind.NOT_FOUND)
        if request.method not in ("GET", "HEAD"):
            raise Denial(Kind.METHOD_NOT_ALLOWED, "a file is read here", headers={"Allow": "GET, HEAD"})
        links = Links(self._upstream.base_url, "", token, None)
        with self._turnstiles.node, self._turnstiles.of(app):
            return await Exchange(request, self._upstream, {**headers, **_HARMLESS}, self._stall_s).run(
                URL(link.url, encoded=True),
                for_graph(request.headers, token, keeps_length=False),
                None,
                lambda _answer: None,
                links.holds_token,
            )

    async def _whole_body(
        self, request: web.Request, target: Target, raw: bytes | None, *, keeps_keys: bool = False
    ) -> bytes | None:
        """A body that can name another method or other calls, read first; None for one to be streamed, and for none.

        Keys in a form stay there where `keeps_keys`.
        """
        if (raw is None and not request.can_read_body) or target.is_upload:
            return None
        if is_form(request):
            refuse_encoded(request)
            raw = await read_body(request) if raw is None else raw
            try:
                others = scrubbed(form_text(raw)).encode()
                return raw if keeps_keys else others
            except BadMessage as error:
                raise Denial(Kind.BAD_REQUEST, error.details) from None
        if is_json(request):
            refuse_encoded(request)
            raw = await read_body(request, _JSON_MOST)
            refuse_disguised_json(raw)
            return raw
        return None


def _look(request: web.Request, target: Target) -> PartNames | None:
    """What looks at a streamed body: at the names of a form's parts, while its files pass."""
    if not is_multipart(request) or target.is_upload:
        return None
    refuse_encoded(request)
    return PartNames(request.headers["Content-Type"])


def _refuse_other_keys(request: web.Request, target: Target, body: bytes, token: str) -> None:
    """Raises Denial where a request that goes on as it came holds any other key than this one of Meta's."""
    given = [bearer([value]) for value in request.headers.getall("Authorization", [])]
    given += credentials(target.query)
    given += credentials(body.decode("ascii", "replace")) if is_form(request) else []
    if any(key != token for key in given):
        raise Denial(Kind.BAD_REQUEST, "more than one key was given, or one in a way that is not known here")


def _of_readable(rewriter: Rewriter) -> Callable[[aiohttp.ClientResponse], Rewriter | None]:
    """The rewriter for an answer that is a text of Graph's; a file is streamed as it is."""

    def choose(answer: aiohttp.ClientResponse) -> Rewriter | None:
        return rewriter if answer.headers.get("Content-Type", "").partition(";")[0] in Links.READABLE else None

    return choose
