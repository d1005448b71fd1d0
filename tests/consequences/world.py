"""An estate of two portfolios behind one node, the sends that it makes, and the ways in which Meta tells things."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from tests.consequences.scripted_graph import ScriptedGraph, Sent
from tests.integration.edge.callers import Answer, Caller, signed
from tests.waiting import until
from tidegate.app import Node
from tidegate.settings.app_keys import hash_key

WABA, NUMBER, SECOND_NUMBER = "102290129340398", "106540352242922", "106540352242923"
OTHER_WABA, OTHER_NUMBER = "102290129340399", "106540352242924"
FAR_WABA, FAR_NUMBER = "300000000000003", "200000000000002"
DISPLAY: Final = {NUMBER: "15550783881", SECOND_NUMBER: "15550783882", OTHER_NUMBER: "15550783883"}
TOKENS: Final = {NUMBER: "EAAG-one", SECOND_NUMBER: "EAAG-one", OTHER_NUMBER: "EAAG-two", FAR_NUMBER: "EAAG-three"}
ANN, BOB = "+16505551234", "+16505559999"
OPERATOR = "tg_operator"
PORTFOLIO, FAR_PORTFOLIO = "lucky-shrub", "wind-and-wool"

_CONFIG: Final = """
[store]
url = "{store}"
[upstream]
base_url = "{graph}"
timeout = "5s"
[webhook]
verify_token = "hub-verify-token"
app_secrets = ["app-secret"]
[privacy]
identity_key = "identity-identity-identity-key-32"
payload_key = "payload-payload-payload-key-32byt"
[[app]]
name = "operator"
key_sha256 = "{key}"
scopes = ["send", "read", "admin"]
[testing]
clock = true
[rules]
pacing_wait = "500ms"
"""


def config_text(store: str, graph: str, *, throughput: int) -> str:
    """Two portfolios: one with two accounts, the first of them with two numbers; one with nothing but one number."""
    text = _CONFIG.format(store=store, graph=graph, key=hash_key(OPERATOR))
    accounts = {
        (PORTFOLIO, WABA): (NUMBER, SECOND_NUMBER),
        (PORTFOLIO, OTHER_WABA): (OTHER_NUMBER,),
        (FAR_PORTFOLIO, FAR_WABA): (FAR_NUMBER,),
    }
    known: set[str] = set()
    for (portfolio, waba), numbers in accounts.items():
        if portfolio not in known:
            text += f'[[portfolio]]\nid = "{portfolio}"\nmessaging_limit = "TIER_UNLIMITED"\n'
            known.add(portfolio)
        text += f'[[portfolio.waba]]\nid = "{waba}"\naccess_token = "{TOKENS[numbers[0]]}"\n'
        for number in numbers:
            text += f'[[portfolio.waba.number]]\nid = "{number}"\nthroughput = {throughput}\n'
            text += f'display_phone_number = "{DISPLAY[number]}"\n' if number in DISPLAY else ""
    return text


@dataclass(frozen=True, slots=True)
class Sending:
    """One send that somebody may want to make; without a template it is free-form."""

    number: str
    to: str
    template: str | None = None
    category: str | None = None

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"messaging_product": "whatsapp", "to": self.to}
        if self.template is not None:
            return body | {"type": "template", "template": {"name": self.template, "language": {"code": "en_US"}}}
        body |= {"type": "text", "text": {"body": "Hello"}}
        return body | ({"category": self.category} if self.category else {})


#: What is tried after each signal, by what it is to "the template": a marketing template from NUMBER to ANN.
SENDS: Final = {
    "the template": Sending(NUMBER, ANN, "offer"),
    "the template from the second number": Sending(SECOND_NUMBER, BOB, "offer"),
    "other marketing": Sending(NUMBER, ANN, "news"),
    "utility": Sending(NUMBER, ANN, "order"),
    "a login code": Sending(NUMBER, ANN, "code"),
    "direct send": Sending(NUMBER, ANN, category="utility"),
    "a reply": Sending(NUMBER, ANN),
    "another user": Sending(NUMBER, BOB, "news"),
    "a reply to another user": Sending(NUMBER, BOB),
    "the user from the second number": Sending(SECOND_NUMBER, ANN, "news"),
    "the second number": Sending(SECOND_NUMBER, BOB, "news"),
    "a reply from the second number": Sending(SECOND_NUMBER, BOB),
    "another account": Sending(OTHER_NUMBER, BOB, "news"),
    "the user from another account": Sending(OTHER_NUMBER, ANN, "news"),
    "another portfolio": Sending(FAR_NUMBER, ANN, "news"),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What a dry run said of a send."""

    verdict: str
    reason: str | None
    until_ms: int | None

    @property
    def goes(self) -> bool:
        return self.verdict == "send"


@dataclass(slots=True)
class World:
    """One node of the estate, over HTTP."""

    node: Node
    call: Caller
    graph: ScriptedGraph
    ids: dict[str, str] = field(default_factory=dict)
    """Gateway ids by wamid."""
    _gathered: list[dict[str, Any]] | None = None

    # Time

    async def now_ms(self) -> int:
        steerable = self.node.services.steerable
        assert steerable is not None
        return await steerable.now_ms()

    async def pass_ms(self, span_ms: float) -> None:
        """Move the store's time forward."""
        got = await self.call("POST", "/gateway/v1/testing/clock", OPERATOR, json={"advance_s": span_ms / 1000})
        assert got.status == 200

    # Sends

    async def dry_run(self, name: str) -> Seen:
        """What would become of a send."""
        got = await self.post(name, Tidegate_Dry_Run="true", Tidegate_Hold="reject")
        told = got.body["tidegate"]
        until_ms = None if told["until"] is None else int(datetime.fromisoformat(told["until"]).timestamp() * 1000)
        return Seen(told["verdict"], told["reason"], until_ms)

    async def post(self, name: str, **headers: str) -> Answer:
        """Post a send."""
        sending = SENDS[name]
        return await self.call.send(sending.body(), OPERATOR, sending.number, **headers)

    async def send(self, name: str) -> Answer:
        """Send, queue nothing, and see what it leads to."""
        before = len(self.graph.sent)
        got = await self.post(name, Tidegate_Hold="reject")
        if len(self.graph.sent) > before:
            self.ids[self.graph.sent[-1].wamid] = got["Tidegate-Id"] or ""
        await self.settle()
        return got

    async def settle(self) -> None:
        """Return when everything that was to be written after an answer has been."""
        await self.node.services.gateway.settled(5)

    async def stopped(self) -> dict[str, Seen]:
        """The sends that may not go now, with what is said of them."""
        seen = await asyncio.gather(*map(self.dry_run, SENDS))
        return {name: said for name, said in zip(SENDS, seen, strict=True) if not said.goes}

    # What Meta tells

    async def refused(self, code: int, name: str = "the template") -> Answer:
        """Meta answers a send with an error."""
        self.graph.refusals.append(code)
        got = await self.send(name)
        assert not self.graph.refusals, "the send never got to Meta"
        return got

    async def failed(self, code: int, name: str = "the template") -> None:
        """Meta takes a send, and says by webhook that it failed."""
        got = await self.send(name)
        assert got.status == 200, got.raw
        await self.status(self.graph.sent[-1], "failed", code)

    async def status(self, sent: Sent, status: str, code: int | None = None, at_s: int | None = None) -> None:
        """A status of a message, as of now or of a time (s)."""
        said: dict[str, Any] = {
            "id": sent.wamid,
            "status": status,
            "timestamp": str(at_s or await self.now_ms() // 1000),
            "recipient_id": str(sent.body["to"]).removeprefix("+"),
            "biz_opaque_callback_data": sent.body["biz_opaque_callback_data"],
        }
        if code is not None:
            said["errors"] = [{"code": code, "title": "as the test wants it"}]
        await self.personal({"statuses": [said]}, sent.number)

    async def personal(self, value: dict[str, Any], number: str = NUMBER, field_name: str = "messages") -> None:
        """A webhook of messages, statuses or preferences."""
        metadata = {"display_phone_number": DISPLAY.get(number, "15550000000"), "phone_number_id": number}
        value = {"messaging_product": "whatsapp", "metadata": metadata} | value
        await self._deliver({"id": _waba_of(number), "changes": [{"field": field_name, "value": value}]})

    async def hook(self, field_name: str, value: dict[str, Any]) -> None:
        """A webhook on the account, a number or a template, of this second."""
        at_s = await self.now_ms() // 1000
        await self._deliver({"id": WABA, "time": at_s, "changes": [{"field": field_name, "value": value}]})

    @asynccontextmanager
    async def in_one_body(self) -> AsyncIterator[None]:
        """What is told within the block comes at its end, in one webhook."""
        self._gathered = []
        yield
        entries, self._gathered = self._gathered, None
        await self._deliver(*entries)

    async def _deliver(self, *entries: dict[str, Any]) -> None:
        if self._gathered is not None:
            self._gathered += entries
            return
        raw = json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode()
        got = await self.call("POST", "/webhooks/whatsapp", None, data=raw, headers=signed(raw))
        assert (got.status, got.raw) == (200, b"")

    async def hears(self, user: str, number: str = NUMBER) -> None:
        """A user writes."""
        at_s = await self.now_ms() // 1000
        said = {"from": user[1:], "id": f"wamid.in.{user}.{at_s}", "timestamp": str(at_s), "type": "text"}
        await self.personal({"messages": [said | {"text": {"body": "Hello"}}]}, number)

    async def wants(self, value: str, user: str = ANN, at_ms: int | None = None) -> None:
        """A user stops or resumes marketing in WhatsApp."""
        at_s = (await self.now_ms() if at_ms is None else at_ms) // 1000
        said = {"wa_id": user[1:], "category": "marketing_messages", "value": value, "timestamp": at_s}
        await self.personal({"user_preferences": [said]}, field_name="user_preferences")

    async def reads(self, says: Callable[[ScriptedGraph], None] = lambda graph: None) -> None:
        """Graph is up, says this, and is read."""
        says(self.graph)
        self.graph.reads_fail = False
        await self.look()
        self.graph.reads_fail = True

    async def look(self) -> None:
        """The poller reads the account out of turn; what follows from it may take another moment."""
        before = self._whole_reads()
        self.node.poller.look(WABA)

        async def was_read() -> bool:
            return self._whole_reads() > before

        await until(was_read)

    def _whole_reads(self) -> int:
        # The templates are read last.
        return sum(path.endswith(f"/{WABA}/message_templates") for path in self.graph.reads)

    # What is in force

    async def breakers(self) -> dict[str, dict[str, Any]]:
        """The breakers that are not closed, by rule."""
        told = (await self.call("GET", "/gateway/v1/standing", OPERATOR)).body["breakers"]
        return {breaker["rule"]: breaker for breaker in told}

    async def until_breaker(self, rule: str, state: str | None = "open") -> None:
        """Return when a rule's breaker is in this state; None: closed."""

        async def is_so() -> bool:
            return (await self.breakers()).get(rule, {}).get("state") == state

        await until(is_so)

    async def alerts(self, rule: str) -> int:
        """How often something was told for a rule."""
        text = (await self.call("GET", "/metrics", None)).raw.decode()
        lines = [line for line in text.splitlines() if line.startswith(f'tidegate_alerts_total{{rule="{rule}"}}')]
        return int(float(lines[0].split()[-1])) if lines else 0


def _waba_of(number: str) -> str:
    return {OTHER_NUMBER: OTHER_WABA, FAR_NUMBER: FAR_WABA}.get(number, WABA)
