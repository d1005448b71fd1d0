"""The `/_sim` paths: what a test or a demo makes the platform and its users do, and the reports."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from aiohttp import web

from tidegate.simulator.clock import Clock, SteerableClock
from tidegate.simulator.config import UNLIMITED
from tidegate.simulator.courier import Courier
from tidegate.simulator.faults import Fault, Faults, On, Then
from tidegate.simulator.fields import Fields
from tidegate.simulator.notices import Webhook
from tidegate.simulator.scenarios import SCENARIOS
from tidegate.simulator.world import World

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Steering:
    """One function a path; each takes the fields of a JSON body (POST) or of a query (GET).

    A field that is missing or wrong raises ValueError, an id that nobody owns KeyError.
    """

    world: World
    clock: Clock
    courier: Courier
    faults: Faults

    def routes(self) -> list[web.RouteDef]:
        """Give the paths with their handlers."""
        posts: dict[str, Callable[[Fields], Json]] = {
            "inbound": self.inbound,
            "preference": self.preference,
            "user": self.user,
            "limit": self.limit,
            "template": self.template,
            "number": self.number,
            "quality": self.number,
            "restriction": self.restriction,
            "review": self.review,
            "webhook": self.webhook,
            "subscription": self.subscription,
            "fault": self.fault,
            "delivery": self.delivery,
            "scenario": self.scenario,
            "clock": self.advance,
        }
        gets: dict[str, Callable[[Fields], Json]] = {
            "report": self.report,
            "accepted": self.accepted,
            "state": self.state,
            "clock": self.time,
        }
        routes = [web.post(f"/_sim/{name}", self._handler(act)) for name, act in posts.items()]
        routes += [web.get(f"/_sim/{name}", self._handler(act)) for name, act in gets.items()]
        return [*routes, web.delete("/_sim/fault", self._handler(self.no_faults))]

    def inbound(self, given: Fields) -> Json:
        """Have a user write: `number`, `user`, `kind`, `text`, `payload`."""
        number, user = given.text("number"), given.text("user")
        kind, text, payload = (
            given.text("kind", "text"),
            given.text("text", "Hello"),
            given.mapping("payload"),
        )
        return {"id": self.world.inbound(number, user, self.clock(), kind, text, payload)}

    def preference(self, given: Fields) -> Json:
        """Have a user stop or resume marketing: `number`, `user`, `value`."""
        self.world.prefer(given.text("number"), given.text("user"), given.text("value"), self.clock())
        return {}

    def user(self, given: Fields) -> Json:
        """Have a user leave WhatsApp or come back: `user`, `reachable`."""
        self.world.unreach(given.text("user"), not given.flag("reachable", False))
        return {}

    def limit(self, given: Fields) -> Json:
        """Change a portfolio's messaging limit: `portfolio`, `limit` (a number or TIER_2K)."""
        self.world.set_limit(given.text("portfolio"), given.limit("limit"), self.clock())
        return {}

    def template(self, given: Fields) -> Json:
        """Change or make a template: `waba`, `name`, `language`, and `status`, `category`, `quality`.

        `hold` true begins its pacing, false ends it; `drop` is the code that held messages then fail with.
        """
        waba, name, language = given.text("waba"), given.text("name"), given.text("language", "en_US")
        status, category, quality = given.word("status"), given.word("category"), given.word("quality")
        template = self.world.set_template(
            waba, name, self.clock(), language, status=status, category=category, quality=quality
        )
        answer: Json = {"id": template.id, "status": template.status}
        if given.has("hold") and given.flag("hold", False):
            self.world.hold_template(waba, name, language)
        elif given.has("hold"):
            code = given.whole("drop", 0) or None
            answer["released"] = self.world.release_template(waba, name, self.clock(), language, code=code)
        return answer

    def number(self, given: Fields) -> Json:
        """Change what a number's reads show: `number`, and `quality`, `status`, `name_status`, `throughput`."""
        words = {name: given.word(name) for name in ("quality", "status", "name_status")}
        self.world.set_number(given.text("number"), throughput=given.whole("throughput", 0) or None, **words)
        return {}

    def review(self, given: Fields) -> Json:
        """Decide an account's review: `waba`, `decision`."""
        self.world.review(given.text("waba"), given.text("decision").upper(), self.clock())
        return {}

    def restriction(self, given: Fields) -> Json:
        """Bar an account's templates, with `all` every message, for a time: `waba`, `for_s`, `all`."""
        now_ms = self.clock()
        until_ms = now_ms + given.whole("for_s") * 1_000
        self.world.restrict(given.text("waba"), until_ms, now_ms, replies_too=given.flag("all", False))
        return {"until_ms": until_ms}

    def webhook(self, given: Fields) -> Json:
        """Send any webhook: `waba`, `field`, `value`."""
        value = given.mapping("value") or {}
        field = given.text("field")
        self.world.announce(Webhook(self.clock(), given.text("waba"), field, value, field != "messages"))
        return {}

    def subscription(self, given: Fields) -> Json:
        """Have the webhooks POSTed elsewhere: `url`; without one, nowhere."""
        self.courier.url = given.text("url", "") or None
        return {}

    def fault(self, given: Fields) -> Json:
        """Order a fault: the fields of `faults.Fault`."""
        body = given.any("body")
        fault = Fault(
            Then(given.text("then")),
            given.flag("accept", False),
            On(given.text("on", "sends")),
            given.whole("times", 1),
            given.whole("hang_ms", 0),
            given.whole("status", 503),
            body,
            {name: str(value) for name, value in (given.mapping("headers") or {}).items()},
        )
        self.faults.add(fault)
        return {"waiting": len(self.faults)}

    def no_faults(self, _given: Fields) -> Json:
        """Take back every fault that nobody has met yet."""
        self.faults.clear()
        return {}

    def delivery(self, given: Fields) -> Json:
        """Multiply the delays from now on: `scale`."""
        self.world.scale(given.number("scale"))
        return {}

    def scenario(self, given: Fields) -> Json:
        """Have the platform behave by a named scenario from now on: `name`."""
        self.world.behave(SCENARIOS[given.text("name")])
        return {}

    def advance(self, given: Fields) -> Json:
        """Put the clock forward: `advance_s`."""
        if not isinstance(self.clock, SteerableClock):
            raise ValueError("this simulator's clock cannot be steered")
        self.clock.advance(int(given.number("advance_s") * 1_000))
        return {"now_ms": self.clock()}

    def time(self, _given: Fields) -> Json:
        """Tell the time."""
        return {"now_ms": self.clock()}

    def report(self, given: Fields) -> Json:
        """Give the violation report and the use of each limit since `from_ms` until `to_ms`."""
        now_ms = self.clock()
        self.world.catch_up(now_ms)
        from_ms, to_ms = given.whole("from_ms", self.world.start_ms), given.whole("to_ms", now_ms)
        portfolios = self.world.estate.portfolios.values()
        use = {
            portfolio.id: self.world.utilisation(portfolio.id, from_ms, to_ms)
            for portfolio in portfolios
            if portfolio.places.limit != UNLIMITED
        }
        sent = {
            "taken": self.courier.taken,
            "given_up": self.courier.given_up,
            "lost": self.world.lost_webhooks,
        }
        return self.world.book.report(given.whole("most", 1_000)) | {"utilisation": use, "webhooks": sent}

    def accepted(self, given: Fields) -> Json:
        """List accepted sends from the `after`th on, at most `limit`."""
        after, limit = given.whole("after", 0), given.whole("limit", 10_000)
        whole = self.world.book.accepted
        return {"total": len(whole), "accepted": [asdict(send) for send in whole[after : after + limit]]}

    def state(self, _given: Fields) -> Json:
        """Describe what is owned now."""
        self.world.catch_up(self.clock())
        return self.world.state()

    def _handler(self, act: Callable[[Fields], Json]) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            try:
                given = Fields(dict(request.query) | await _json(request))
                answer = act(given)
            except KeyError as fault:
                return web.json_response({"error": f"unknown: {fault.args[0]}"}, status=404)
            except ValueError as fault:
                return web.json_response({"error": str(fault)}, status=400)
            self.courier.stir()
            return web.json_response(answer)

        return handle


async def _json(request: web.Request) -> Json:
    raw = await request.read()
    body = orjson.loads(raw) if raw else {}  # its error is a ValueError
    if not isinstance(body, dict):
        raise ValueError("the body must be a JSON object")
    return body
