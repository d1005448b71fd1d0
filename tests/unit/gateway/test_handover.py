"""A campaign's message goes by another of its numbers where its own is what holds it, and only then."""

from __future__ import annotations

import orjson
import pytest

from tests.factories import NOW_MS, PORTFOLIO, TEMPLATE, WABA, make_standing, make_template
from tidegate.cloudapi.messages import Request, parse_send
from tidegate.cloudapi.vocabulary import Category, TemplateStatus
from tidegate.gateway import Message, Route
from tidegate.gateway.handover import by_another_number
from tidegate.policy.standing import Pause, Standing
from tidegate.policy.verdict import Reason

FIRST, SECOND, THIRD = (Route(PORTFOLIO, WABA, number) for number in ("1", "2", "3"))
ELSEWHERE = Route(PORTFOLIO, "another account", "4")


def a_message(*others: Route) -> Message:
    template = {"name": TEMPLATE[0], "language": {"code": TEMPLATE[1]}}
    body = {"messaging_product": "whatsapp", "to": "+16505551234", "type": "template", "template": template}
    request = parse_send(orjson.dumps(body))
    assert isinstance(request, Request)
    return Message(
        message_id="m1",
        app="shop",
        route=FIRST,
        request=request,
        raw_path="/v25.0/1/messages",
        deadline_ms=NOW_MS + 1_000,
        category=Category.MARKETING,
        hold=True,
        alternatives=others,
        kind=object(),
    )


def paused(*numbers: str) -> Standing:
    pauses = tuple(Pause(f"p{n}", "number", n, "test", NOW_MS, None, "ops") for n in numbers)
    return make_standing(pauses=pauses)


@pytest.mark.parametrize(
    ("message", "reason", "standing", "tried", "goes_by"),
    [
        pytest.param(a_message(SECOND), Reason.NUMBER_STANDING, paused("1"), {"1"}, "2", id="the other number may"),
        pytest.param(a_message(SECOND), Reason.PAUSED_BY_OPERATOR, paused("1", "2"), {"1"}, None, id="it may not"),
        pytest.param(a_message(SECOND, THIRD), Reason.NUMBER_STANDING, paused("2"), {"1"}, "3", id="a third one may"),
        pytest.param(a_message(SECOND), Reason.NUMBER_STANDING, paused("1"), {"1", "2"}, None, id="it has been tried"),
        pytest.param(a_message(SECOND), Reason.MESSAGING_LIMIT, paused(), {"1"}, None, id="the limit is everybody's"),
        pytest.param(a_message(), Reason.NUMBER_STANDING, paused("1"), {"1"}, None, id="there is no other"),
    ],
)
def test_which_number_it_goes_by(
    message: Message, reason: Reason, standing: Standing, tried: set[str], goes_by: str | None
) -> None:
    other = by_another_number(message, reason, standing, NOW_MS, tried)

    assert (other.route.number if other else None) == goes_by


def test_it_is_posted_for_its_new_number_and_may_come_back() -> None:
    other = by_another_number(a_message(SECOND, THIRD), Reason.NUMBER_STANDING, paused("1"), NOW_MS, {"1"})

    assert other is not None
    assert (other.message_id, other.raw_path, other.kind) == ("m1", "/v25.0/2/messages", None)
    assert other.alternatives == (THIRD, FIRST)
    assert orjson.loads(other.packed())["numbers"] == ["3", "1"]


def test_in_another_account_it_is_judged_by_what_its_template_is_there() -> None:
    templates = [
        make_template(waba=ELSEWHERE.waba, category=Category.UTILITY, status=TemplateStatus.APPROVED),
    ]
    standing = make_standing(templates={template.key: template for template in templates})

    other = by_another_number(a_message(ELSEWHERE), Reason.TEMPLATE_PAUSED, standing, NOW_MS, {"1"})

    assert other is not None
    assert other.category is Category.UTILITY
