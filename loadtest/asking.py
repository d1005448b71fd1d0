"""Login codes beside a campaign, in leaping time: a steady trickle that must never wait for it."""

from __future__ import annotations

import asyncio
from typing import Final

import orjson

from loadtest.deployment import LOGIN_CODE, MARKETING, NUMBER, PORTFOLIO, WABA
from loadtest.leaping.house import House
from loadtest.rollout import Rollout
from loadtest.waits import Waits
from tidegate.cloudapi.messages import Request, parse_send
from tidegate.edge.graph.drafts import Draft, to_message
from tidegate.edge.graph.send_options import SendOptions
from tidegate.edge.graph.senders import Kinds, Sender
from tidegate.gateway import Forwarded, Route

#: Customers who log in again and again; none is a recipient of the campaign.
_CUSTOMER: Final = "1556{:07d}"
#: Asked for at once, so many seconds' worth: a bunch is harder on the waits than one by one, and cheaper to play.
BUNCH: Final = 10
#: For so long after it has sent something a campaign counts as one that sends.
LATELY_MS: Final = 600_000


class Codes:
    """Asks for a rollout's codes, for each of its customers in turn, in bunches."""

    def __init__(self, house: House, rollout: Rollout) -> None:
        self._house = house
        self._idle, self._busy = rollout.idle_codes_per_second, rollout.codes_per_second
        self._customers = rollout.customers
        self._asked = 0
        self._seen = 0
        self._sent_ms = 0
        self._heard = asyncio.Event()
        self.waits = Waits()
        #: When it asks next (virtual ms), None: not before the campaign sends again.
        self.next_ms: int | None = None

    def hear(self) -> None:
        """Take note that the platform was sent something."""
        book = self._house.world.book.accepted
        lately = any(send.template == MARKETING for send in book[self._seen :])
        self._seen = len(book)
        if lately:
            began = not self._is_busy()
            self._sent_ms = self._house.tempo.now_ms()
            if began:
                self._heard.set()

    def _is_busy(self) -> bool:
        """Whether the campaign has sent something lately."""
        return self._sent_ms > 0 and self._house.tempo.now_ms() - self._sent_ms < LATELY_MS

    async def run(self) -> None:
        """Ask until cancelled."""
        tempo = self._house.tempo
        while True:
            is_busy = self._is_busy()
            rate, bunch = (self._busy, BUNCH) if is_busy else (self._idle, 1)
            for _ in range(bunch if rate else 0):
                tempo.create_task(self._ask(_CUSTOMER.format(self._asked % self._customers)), name="code")
                self._asked += 1
            self._heard.clear()
            self.next_ms = tempo.now_ms() + int(bunch / rate * 1000) if rate else None
            if is_busy and not rate:
                self.next_ms = self._sent_ms + LATELY_MS
            try:
                async with asyncio.timeout(None if self.next_ms is None else (self.next_ms - tempo.now_ms()) / 1000):
                    await self._heard.wait()
            except TimeoutError:
                continue

    async def _ask(self, user: str) -> None:
        node, book = self._house.node, self._house.world.book
        services, asked_at_ms, begun = node.services, self._house.tempo.now_ms(), len(book.accepted)
        request = parse_send(_body(user))
        assert isinstance(request, Request)
        route = Route(PORTFOLIO, WABA.id, NUMBER.id)
        draft = Draft(
            Sender(node.settings.apps[0], route, Kinds()), request, SendOptions(), f"/v25.0/{NUMBER.id}/messages", b""
        )
        standing = await services.standings.current(PORTFOLIO)
        message = to_message(draft, services.gateway.new_id(PORTFOLIO), standing, services.clock.now_ms())
        answered = await services.gateway.submit(message)
        if not (isinstance(answered, Forwarded) and answered.accepted):
            self.waits.refused[str(answered.reason or answered.verdict)] += 1
            return
        # By the platform's own book, which has it behind what was there when it was asked for.
        accepted = next(send for send in book.accepted[begun:] if send.user == user)
        self.waits.waits_ms.append(accepted.at_ms - asked_at_ms)


def _body(user: str) -> bytes:
    template = {"name": LOGIN_CODE, "language": {"code": "en_US"}}
    body = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": user, "type": "template"}
    return orjson.dumps(body | {"template": template})
