"""A world at rest and the sends that are made to it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tidegate.simulator.behaviour import Behaviour
from tidegate.simulator.config import DEFAULT_PORTFOLIO, DEFAULT_TOKEN, NumberConfig, SimulatorConfig
from tidegate.simulator.notices import Webhook
from tidegate.simulator.scenarios import INSTANT
from tidegate.simulator.world import World

NUMBER = "106540352242922"
SECOND_NUMBER = "109940352242777"
WABA = "102290129340398"
PORTFOLIO = "lucky-shrub"


class Sender:
    """Sends to a world whatever it is told to, rules or no rules."""

    def __init__(self, behaviour: Behaviour, limit: int, seed: int, throughput: int, direct_send: bool) -> None:
        numbers = (
            NumberConfig(NUMBER, "15550783881", throughput),
            NumberConfig(SECOND_NUMBER, "15550783882", throughput),
        )
        waba = replace(DEFAULT_PORTFOLIO.wabas[0], numbers=numbers, direct_send=direct_send)
        portfolio = replace(DEFAULT_PORTFOLIO, wabas=(waba,), messaging_limit=limit)
        self.world = World(SimulatorConfig((portfolio,), behaviour, seed))
        self.webhooks: list[Webhook] = []

    def post(self, body: Any, now_ms: int, number: str = NUMBER, token: str = DEFAULT_TOKEN, **more: Any) -> int:
        """Post a body; the answer's code, 0 for a success."""
        self.answer = self.world.post_message(number, token, body, now_ms, **more)
        self.webhooks += self.world.due(now_ms)
        return self.answer.code or 0

    def template(
        self,
        user: str,
        now_ms: int,
        name: str = "order_confirmation",
        opaque: str | None = None,
        number: str = NUMBER,
        **more: Any,
    ) -> int:
        """Send a template to a phone number; the answer's code, 0 for a success."""
        body = {"messaging_product": "whatsapp", "to": user, "type": "template"}
        body["template"] = {"name": name, "language": {"code": "en_US"}}
        if opaque is not None:
            body["biz_opaque_callback_data"] = opaque
        return self.post(body, now_ms, number, **more)

    def text(self, user: str, now_ms: int, number: str = NUMBER) -> int:
        """Send a free-form text; the answer's code, 0 for a success."""
        return self.post({"messaging_product": "whatsapp", "to": user, "text": {"body": "Hi"}}, now_ms, number)

    def later(self, now_ms: int) -> None:
        """Let time pass."""
        self.webhooks += self.world.due(now_ms)

    def violations(self) -> list[str]:
        """The kinds of violations so far, in order."""
        return [str(violation.kind) for violation in self.world.book.violations]

    def statuses(self) -> list[dict[str, Any]]:
        """The statuses that webhooks have told so far."""
        told = (webhook.value.get("statuses", []) for webhook in self.webhooks)
        return [status for statuses in told for status in statuses]

    def told(self, field: str) -> list[dict[str, Any]]:
        """The values of one webhook field so far."""
        return [webhook.value for webhook in self.webhooks if webhook.field == field]

    def everything(self) -> str:
        """All webhooks so far as one text."""
        return json.dumps([[webhook.at_ms, webhook.field, webhook.value] for webhook in self.webhooks])


@pytest.fixture
def make_sender():
    """Make a sender with a world of its own, in which nothing takes time unless it is told to."""

    def make(
        behaviour: Behaviour = INSTANT,
        limit: int = 2_000,
        seed: int = 1,
        throughput: int = 80,
        direct_send: bool = False,
    ) -> Sender:
        return Sender(behaviour, limit, seed, throughput, direct_send)

    return make
