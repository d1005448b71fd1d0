"""The demo's sample traffic: a campaign that is larger than the limit, beside login codes, orders and replies."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

import aiohttp

from tidegate.demo import estate
from tidegate.demo.stage import Stage
from tidegate.logs import mask_value

CAMPAIGN_SIZE: Final = 320
_KEPT: Final = 10
_ROLLOUT_SIZE: Final = 60

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """One answer of the gateway, or `times` alike in a row. `recipient` is the last one's, masked already."""

    what: str
    recipient: str
    verdict: str
    reason: str
    until: str
    times: int = 1

    def is_like(self, other: Decision) -> bool:
        """Whether both say the same of another recipient."""
        return (self.what, self.verdict, self.reason) == (other.what, other.verdict, other.reason)


@dataclass(slots=True)
class Answers:
    """What the traffic was answered last, newest first."""

    last: deque[Decision] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def note(self, decision: Decision) -> None:
        """Add a decision; one that is like the last only makes that one count more."""
        if self.last and self.last[0].is_like(decision):
            decision = replace(decision, times=self.last.popleft().times + 1)
        self.last.appendleft(decision)


class Traffic:
    """Sends to the gateway as its apps would, and has simulated users write back."""

    def __init__(self, stage: Stage, session: aiohttp.ClientSession, seed: int) -> None:
        """`session` carries the app's key. `seed` chooses the users."""
        self.answers = Answers()
        self._stage = stage
        self._session = session
        self._chance = Random(seed)
        self._reached: list[str] = []
        self._number = iter(range(10_000))

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._rollout())
            tasks.create_task(self._campaign())
            for every_s, act in _RHYTHM:
                tasks.create_task(_repeat(every_s, act, self))

    async def _rollout(self) -> None:
        """A campaign in steps: a few users first, the others when the gate of that step has let them go."""
        audience = [{"to": f"1555600{nth:04}"} for nth in range(_ROLLOUT_SIZE)]
        order = {
            "name": "Black Friday, in steps",
            "numbers": [estate.NUMBER],
            "template": {"name": estate.OFFER, "language": {"code": "en_US"}},
            "steps": [{"share": 0.2, "gate": True}, {"share": 1}],
            "audience": audience,
        }
        path = f"{self._stage.gateway}/gateway/v1/campaigns"
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            ordered = await self._taken(path, order)
            await self._taken(f"{path}/{ordered['id']}/start", {})

    async def _taken(self, url: str, body: Body) -> Body:
        """The answer, once a machine that is busy with other things has one that is no fault."""
        while True:
            async with self._session.post(url, json=body) as answer:
                told: Body = await answer.json()
            if answer.ok:
                return told
            await asyncio.sleep(1)

    async def _campaign(self) -> None:
        for nth in range(CAMPAIGN_SIZE):
            user = f"1555100{nth:04}"
            await self._template("campaign", user, estate.OFFER, {"Tidegate-Campaign": "black-friday"})
            self._reached.append(user)
            await asyncio.sleep(0.05)

    async def login_code(self) -> None:
        """A login code, to one of a few users who come back."""
        await self._template("login code", f"15552000{self._chance.randrange(10):03}", estate.LOGIN_CODE)

    async def order(self) -> None:
        """An order confirmation."""
        await self._template("order", f"15553000{self._chance.randrange(12):03}", estate.ORDER)

    async def conversation(self) -> None:
        """A user of the campaign, reached or still waiting, writes; an agent answers in the window that this opens."""
        if not self._reached:
            return
        user = self._chance.choice(self._reached)
        world, clock = self._stage.simulator.world, self._stage.simulator.clock
        world.inbound(estate.NUMBER, user, clock(), text="Is this still available?")
        self._stage.simulator.courier.stir()
        await asyncio.sleep(0.7)
        await self._text("reply", user, "Yes, until Sunday.")

    async def mistake(self) -> None:
        """What an app should not do: a free-form message to somebody who never wrote."""
        await self._text("cold text", f"15554000{self._chance.randrange(1000):03}", "Did you see our offer?")

    async def paused(self) -> None:
        """A template that Meta has paused."""
        await self._template("winback", f"15555000{next(self._number) % 1000:03}", estate.WINBACK)

    async def _template(self, what: str, user: str, name: str, headers: Mapping[str, str] | None = None) -> None:
        template = {"name": name, "language": {"code": "en_US"}}
        await self._send(what, user, {"type": "template", "template": template}, headers or {})

    async def _text(self, what: str, user: str, text: str) -> None:
        await self._send(what, user, {"type": "text", "text": {"body": text}}, {})

    async def _send(self, what: str, user: str, message: Body, headers: Mapping[str, str]) -> None:
        body = {"messaging_product": "whatsapp", "to": user, **message}
        path = f"/v25.0/{estate.NUMBER}/messages"
        try:
            async with self._session.post(self._stage.gateway + path, json=body, headers=headers) as answer:
                await answer.read()
        except (aiohttp.ClientError, TimeoutError):
            return  # the demo is ending
        told = answer.headers
        self.answers.note(
            Decision(
                what,
                str(mask_value(user, "recipient")),
                told.get("Tidegate-Verdict", f"HTTP {answer.status}"),
                told.get("Tidegate-Reason", ""),
                told.get("Tidegate-Until", ""),
            )
        )


async def _repeat(every_s: float, act: Callable[[Traffic], Awaitable[None]], traffic: Traffic) -> None:
    while True:
        await asyncio.sleep(every_s)
        await act(traffic)


#: Seconds between two of each kind.
_RHYTHM: Final[tuple[tuple[float, Callable[[Traffic], Awaitable[None]]], ...]] = (
    (1.0, Traffic.login_code),
    (2.3, Traffic.order),
    (1.7, Traffic.conversation),
    (7.0, Traffic.mistake),
    (11.0, Traffic.paused),
)
