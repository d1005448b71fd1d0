"""What every page has in common: who looks at it, what surrounds it, and the headers that keep others out of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from yarl import URL

from tidegate.edge.calls import Call
from tidegate.edge.dashboard.page import Page
from tidegate.edge.dashboard.rendering import is_live, rendered
from tidegate.edge.dashboard.session import LASTING_MS, Session, Sessions
from tidegate.edge.door.keyring import Keyring
from tidegate.edge.door.origins import PREFIX_KEY, is_over_tls
from tidegate.edge.grants import Grants
from tidegate.edge.services import Services
from tidegate.edge.times import write_time
from tidegate.settings.app_keys import hash_key
from tidegate.settings.tables import App, Scope

ROOT: Final = "/dashboard"
_COOKIE: Final = "tidegate_session"

#: Nothing from anywhere else, nothing inline, nobody's frame.
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: with that a browser would not say where a form comes from.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class SignedIn:
    """An app whose key opened a session, and the session."""

    app: App
    session: Session

    @property
    def may_act(self) -> bool:
        """Whether it may change what the control plane changes."""
        return Scope.ADMIN in self.app.scopes

    @property
    def may_stop(self) -> bool:
        """Whether it may stop sends."""
        return self.may_act or Scope.ONCALL in self.app.scopes


class Shell:
    """Knows who is signed in, and puts pages together."""

    def __init__(self, services: Services, keyring: Keyring, grants: Grants, pages: Iterable[Page]) -> None:
        self.services = services
        self.keyring = keyring
        self.grants = grants
        self._nav = tuple(page for page in pages if page.nav is not None)
        self._sessions = Sessions(services.settings.privacy.identity_key.get_secret_value())

    async def signed_in(self, request: web.Request) -> SignedIn | None:
        """Who asks; None without a session, once it is over, and when its key opens nothing any more."""
        session = self._sessions.read(request.cookies.get(_COOKIE, ""), self.services.clock.now_ms())
        if session is None:
            return None
        app = await self.keyring.app_of_hash(session.key_hash)
        return None if app is None or Scope.READ not in app.scopes else SignedIn(app, session)

    async def lasts(self, signed_in: SignedIn) -> bool:
        """Whether a session that was opened is still one."""
        if self.services.clock.now_ms() >= signed_in.session.ends_at_ms:
            return False
        return await self.keyring.app_of_hash(signed_in.session.key_hash) is not None

    def call(self, request: web.Request, who: SignedIn) -> Call:
        """The request as the control plane's handlers take it. They see one state of the books, however often."""
        return Call(request, who.app, self.services, self.grants, who.session.key_hash, {})

    def begin(self, request: web.Request, response: web.Response, key: str) -> None:
        """Open a session of a key that was found good."""
        cookie = self._sessions.begin(hash_key(key), self.services.clock.now_ms())
        response.set_cookie(_COOKIE, cookie, max_age=LASTING_MS // 1000, **self._kept(request))

    def end(self, request: web.Request, response: web.Response) -> None:
        """Have the browser forget its session."""
        response.del_cookie(_COOKIE, **self._kept(request))

    def _kept(self, request: web.Request) -> dict[str, Any]:
        """How the cookie is kept: by no script, for no other site, and for the dashboard alone."""
        return {"path": base_of(request), "httponly": True, "samesite": "Strict", "secure": self._is_secure(request)}

    def _is_secure(self, request: web.Request) -> bool:
        public_url = self.services.settings.server.public_url
        return is_over_tls(request) or (public_url is not None and URL(public_url).scheme == "https")

    def is_from_here(self, request: web.Request) -> bool:
        """Whether a form was sent by a page of ours: browsers say where it stood (Fetch Metadata, RFC 6454)."""
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site == "same-origin"
        origin = request.headers.get("Origin")
        if origin is None:
            return True
        public_url = self.services.settings.server.public_url
        known = {request.headers.get("Host", "")} | ({URL(public_url).authority} if public_url else set())
        return origin.partition("://")[2] in known

    def around(self, request: web.Request, who: SignedIn | None, token: str = "") -> dict[str, Any]:
        """What every template may use. `token`: of the session's forms, where it is not the session's own."""
        return {
            "base": base_of(request),
            "here": request.path.removeprefix(ROOT),
            "nav": self._nav,
            "app": who.app.name if who else "",
            "may_act": who is not None and who.may_act,
            "may_stop": who is not None and who.may_stop,
            "csrf": token or (who.session.token if who else ""),
            "version": self.services.version,
            "today": write_time(self.services.clock.now_ms())[:10],
            "live": False,
        }

    def html(
        self,
        request: web.Request,
        who: SignedIn | None,
        template: str,
        context: Mapping[str, Any],
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        has_feed: bool = False,
    ) -> web.Response:
        """A page. It goes live when it is one that can be asked for again and again."""
        live = request.method == "GET" and status == 200 and who is not None and (has_feed or is_live(template))
        text = rendered(template, {**self.around(request, who), "live": live, **context})
        told = {**HEADERS, **(headers or {}), "Content-Type": "text/html; charset=utf-8"}
        return web.Response(status=status, body=text.encode(), headers=told)


def base_of(request: web.Request) -> str:
    """What the paths of the dashboard begin with, as the browser knows them."""
    return f"{request.get(PREFIX_KEY, '')}{ROOT}"


def away(to: str) -> web.Response:
    """Go on to another page, to be asked for with GET (RFC 9110, 15.4.4)."""
    return web.Response(status=303, headers={**HEADERS, "Location": to})
