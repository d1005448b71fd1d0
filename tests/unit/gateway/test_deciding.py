"""What is remembered of a kind of send is what would be decided of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from tests.factories import NEVER_MS, NOW_MS, NUMBER, PORTFOLIO, TEMPLATE, WABA, make_rules, make_standing
from tests.unit.policy.breaker.specimens import make_throttle, open_since
from tests.unit.policy.rate_cards import market
from tidegate.cloudapi.messages import RecipientKind, Request, TemplateRef
from tidegate.cloudapi.vocabulary import Category, MessageType, Quality
from tidegate.gateway import Message, Route
from tidegate.gateway.addressee import Addressee
from tidegate.gateway.deciding import Deciding, Yes
from tidegate.gateway.line import Line
from tidegate.policy.breaker import Board
from tidegate.policy.campaign.part import Part
from tidegate.policy.decide import decide
from tidegate.policy.facts import Case, Terms
from tidegate.policy.identity import Identity
from tidegate.policy.rules import Delivery
from tidegate.policy.standing import Pause, Standing
from tidegate.policy.users import EMPTY, User, Word
from tidegate.policy.verdict import Queue, Reject, Verdict
from tidegate.policy.warm_up import Ramp
from tidegate.policy.warming import Warming, number_id
from tidegate.tracing import NO_TRACING

DAY_MS = 86_400_000
BUDGET = {
    "amount": "100",
    "period": "day",
    "rate_card": [{"currency": "USD", "markets": {"far": market("4917"), "near": market("1") | {"utility": "0.09"}}}],
}
#: Begun so that its second day begins in the middle of a second.
WARMING = Warming(NOW_MS - DAY_MS + 500, 0, Ramp(50), Quality.YELLOW)
RULES = (
    make_rules(),
    make_rules(quiet_hours={"from": "21:00", "to": "08:00", "categories": ["marketing", "utility"]}),
    make_rules(warm_up={"start": 50, "scopes": ["number"]}),
    make_rules(budget=BUDGET),
    make_rules(template_health={"mode": "shadow"}, service_window={"mode": "off"}),
)
PAUSE = Pause("p1", "number", NUMBER, "wrong price", NOW_MS, None, "ops")
STANDINGS = [
    # Where nothing has begun to warm up yet, a send begins it when it goes: no two of them at the same time.
    *(make_standing(rules=rules) for rules in RULES if rules.warm_up is None),
    make_standing(epoch=1, pauses=(PAUSE,)),
    make_standing(epoch=2, held_until_ms=NOW_MS + 500),
    make_standing(epoch=3, limit=250),
    make_standing(epoch=4, rules=RULES[2], warmings={number_id(NUMBER): WARMING, number_id("102"): WARMING}),
    make_standing(epoch=5, breakers=Board([open_since(NOW_MS - 300, make_throttle(value=NUMBER))])),
]
#: A send, and what may be otherwise about the next one: so that most have much in common.
FIRST = Message(
    message_id="m1",
    app="shop",
    route=Route(PORTFOLIO, WABA, NUMBER),
    request=Request(
        RecipientKind.PHONE,
        "4917612345678",
        "4917612345678",
        MessageType.TEMPLATE,
        TemplateRef(*TEMPLATE),
        None,
        None,
        {},
    ),
    raw_path="/v25.0/1/messages",
    deadline_ms=NEVER_MS,
    category=Category.UTILITY,
    hold=True,
)
OTHERWISE = st.sampled_from(
    [
        {},
        *({"category": category} for category in (*Category, None)),
        {"route": structs.replace(FIRST.route, number="102")},
        {"route": structs.replace(FIRST.route, waba="2")},
        {"template": TemplateRef("news", "en")},
        {"recipient": "81312345678"},
        {"recipient": "16505551234"},
        {"recipient": "3312345678"},
        {"kind": RecipientKind.BSUID, "recipient": "US.1"},
        {"kind": RecipientKind.GROUP, "recipient": "group-1"},
        {"campaign": "spring"},
        {"app": "checkout"},
        {"queued": True},
        {"not_before_ms": NOW_MS + 700},
        {"deadline_ms": NOW_MS + 900},
    ]
)


def a_message(**changes: Any) -> Message:
    of_request = {name: changes.pop(name) for name in ("kind", "recipient", "template") if name in changes}
    return structs.replace(FIRST, **changes | {"request": structs.replace(FIRST.request, **of_request)})


MESSAGES = st.lists(OTHERWISE, max_size=2).map(
    lambda changes: a_message(**dict(kv for c in changes for kv in c.items()))
)
WITHIN_MS = st.sampled_from([0, 1, 300, 499, 500, 501, 699, 700, 899, 999])
#: Now, and where nights and days begin or end in one of the zones.
BEGINNINGS = st.sampled_from([0, 1_000, -1_000, *(hour * 3_600_000 - NOW_MS % 3_600_000 for hour in range(25))])


class Kinds:
    """Gives each message the object that stands for all that agree with it."""

    def __init__(self) -> None:
        self._known: dict[object, object] = {}

    def of(self, message: Message) -> object:
        members = (message.app, message.route, message.category, message.request.template, message.request.type)
        asked = (message.campaign, message.delivery, message.relayed)
        return self._known.setdefault((members, asked), object())


def addressee_of(message: Message, user: User = EMPTY) -> Addressee:
    """Whoever it goes to, of whom this is known; nobody is looked up."""
    request = message.request
    return Addressee(request, Identity(b"k" * 32).of(request.kind, request.recipient), user)


def case_of(message: Message) -> Case:
    return message.case(0.0, make_rules(), addressee_of(message).zones)


class Asked:
    """A Deciding, and how often it had to look at a send as the guardrails see it."""

    def __init__(self) -> None:
        self.cases = 0
        self._deciding = Deciding(self._case, NO_TRACING)

    def _case(self, message: Message, *_: object) -> Case:
        self.cases += 1
        return case_of(message)

    def decided(self, message: Message, standing: Standing, now_ms: int, user: User = EMPTY) -> Verdict | Yes:
        """What it says of a send, by whatever is remembered, or else worked out."""
        return self._deciding.decided(message, addressee_of(message, user), standing, cast(Line, None), now_ms)


def said(deciding: Asked, message: Message, standing: Standing, now_ms: int, user: User = EMPTY) -> Verdict | Terms:
    """The verdict, or the terms of a yes."""
    decided = deciding.decided(message, standing, now_ms, user)
    return decided.terms if isinstance(decided, Yes) else decided


@settings(max_examples=500)
@given(
    standings=st.lists(st.sampled_from(STANDINGS), min_size=1, max_size=2),
    begins_ms=BEGINNINGS,
    sends=st.lists(st.tuples(MESSAGES, WITHIN_MS, st.booleans()), min_size=2, max_size=20),
)
def test_it_decides_as_the_policy_does_whatever_it_remembers(
    standings: list[Standing], begins_ms: int, sends: list[tuple[Message, int, bool]]
) -> None:
    deciding, kinds = Asked(), Kinds()

    for turn, (message, within_ms, is_of_a_kind) in enumerate(sends):
        message.kind = kinds.of(message) if is_of_a_kind and not message.queued else None
        standing, now_ms = standings[turn % len(standings)], NOW_MS + begins_ms + within_ms
        decided = said(deciding, message, standing, now_ms)
        assert decided == decide(case_of(message), standing, standing.rules, now_ms, EMPTY)


@pytest.mark.parametrize("kind", [None, object()], ids=["by what it asks for", "by what it is told to be"])
def test_the_second_of_a_kind_costs_no_decision(kind: object) -> None:
    deciding, standing = Asked(), make_standing()

    first = said(deciding, structs.replace(FIRST, kind=kind), standing, NOW_MS)

    other = structs.replace(a_message(message_id="m2", recipient="16505550000"), kind=kind)
    assert said(deciding, other, standing, NOW_MS) is first
    assert deciding.cases == 1


def test_who_is_asleep_is_not_told_what_was_said_of_one_awake() -> None:
    deciding, standing = Asked(), make_standing(rules=RULES[1])
    hours_ms = [NOW_MS + hour * 3_600_000 for hour in range(24)]
    german, japanese = FIRST, a_message(message_id="m2", recipient="81312345678")

    told = [(said(deciding, german, standing, at_ms), said(deciding, japanese, standing, at_ms)) for at_ms in hours_ms]

    kinds = {(type(one), type(other)) for one, other in told}
    assert kinds == {(Terms, Terms), (Terms, Queue), (Queue, Terms), (Queue, Queue)}


def test_what_is_noted_of_a_kind_is_what_is_noted_of_each() -> None:
    deciding, standing = Asked(), make_standing()
    told = [FIRST, structs.replace(FIRST, relayed=True), structs.replace(FIRST, queued=True)]

    for message in told * 2:
        yes = deciding.decided(message, standing, NOW_MS)
        assert isinstance(yes, Yes)
        assert yes.about == message.noted_json()
    assert deciding.cases == len(told)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"delivery": Delivery.AT_LEAST_ONCE}, id="its body is kept"),
        pytest.param({"part": Part("spring", 1, 0, "first", "a"), "campaign": "spring"}, id="which row it is for"),
        pytest.param({"queued": True, "relayed": True}, id="to whom it goes"),
    ],
)
def test_of_what_is_kept_of_each_alone_nothing_is_remembered_for_its_kind(changes: dict[str, Any]) -> None:
    deciding, standing = Asked(), make_standing()

    for _ in range(2):
        yes = deciding.decided(a_message(**changes), standing, NOW_MS)
        assert isinstance(yes, Yes)
        assert yes.about == b""
    assert deciding.cases == 1


def as_it_is(standing: Standing) -> Standing:
    return standing


def paused(standing: Standing) -> Standing:
    return replace(standing, epoch=1, pauses=(PAUSE,))


@pytest.mark.parametrize(
    ("changed", "user", "verdict"),
    [
        pytest.param(paused, EMPTY, Queue, id="the standing is another one"),
        pytest.param(
            as_it_is,
            replace(EMPTY, version=1, consents={"utility": Word(False, NOW_MS, "webhook")}),
            Reject,
            id="something is known of the recipient",
        ),
        pytest.param(as_it_is, EMPTY, Terms, id="nothing changed"),
    ],
)
def test_a_yes_is_not_taken_for_another_question(
    changed: Callable[[Standing], Standing], user: User, verdict: type
) -> None:
    deciding, standing = Asked(), make_standing()
    said(deciding, FIRST, standing, NOW_MS)

    assert isinstance(said(deciding, FIRST, changed(standing), NOW_MS, user), verdict)
