"""Graph's face: every path that is none of ours."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from tidegate.edge.denials import Denial, Kind, draining
from tidegate.edge.door.in_hand import InHand
from tidegate.edge.door.keyring import Keyring
from tidegate.edge.door.strangers import Strangers
from tidegate.edge.door.turnstile import Turnstiles
from tidegate.edge.grants import Grants
from tidegate.edge.graph.arrivals import SendHead
from tidegate.edge.graph.media_links import PATH as PATH_OF_MEDIA
from tidegate.edge.graph.passthrough import METHODS, Passthrough
from tidegate.edge.graph.quota import Quota
from tidegate.edge.graph.sends import Sends
from tidegate.edge.graph_paths import Target, read_target
from tidegate.edge.replies import Reply
from tidegate.edge.services import Services


class Graph:
    """Sends are judged, all else of Graph's passes, and what is none of Graph's is not found."""

    def __init__(self, services: Services, keyring: Keyring, grants: Grants) -> None:
        self._ending = services.ending
        turnstiles = Turnstiles(services.settings.server.max_in_flight, services.metrics)
        self.in_hand = InHand(turnstiles.node)
        strangers = Strangers(services.metrics)
        self._passthrough = Passthrough(services, keyring, grants, turnstiles, strangers)
        quota = Quota(services.ledger, services.standings, services.gateway, services.clock)
        self._sends = Sends(services, keyring, grants, quota, self._passthrough, turnstiles, strangers, self.in_hand)
        #: Answers a send that came without its request. Raises Denial, and AnotherWay where it can't do without.
        self.send = self._sends.handle

    async def handle(self, request: web.Request, request_id: str) -> web.StreamResponse:
        """Answer one request. Raises Denial."""
        is_medium = request.raw_path.startswith(PATH_OF_MEDIA)
        target = None if is_medium else read_target(request.raw_path)
        if request.method not in METHODS:
            allowed = {"Allow": ", ".join(sorted(METHODS))}
            raise Denial(Kind.METHOD_NOT_ALLOWED, "Graph knows no such method", headers=allowed)
        # A streamed answer has its headers written there: nobody can add to them later.
        ours = {"X-Request-Id": request_id, "Server": "tidegate"}
        with self.in_hand:
            if is_medium:
                self._refuse_when_draining()
                return await self._passthrough.read_medium(request, ours)
            if target is None:
                raise Denial(Kind.NOT_FOUND)
            return await self._answer(request, target, ours)

    async def _answer(self, request: web.Request, target: Target, ours: Mapping[str, str]) -> web.StreamResponse:
        if request.method == "POST" and target.is_send:
            head = SendHead.read(request.headers, target)
            answer = await self._sends.handle(head, b"", request.remote, request)
            return answer.response() if isinstance(answer, Reply) else answer
        self._refuse_when_draining()
        return await self._passthrough.forward(request, target, ours)

    def _refuse_when_draining(self) -> None:
        if self._ending.drains:
            raise draining()
