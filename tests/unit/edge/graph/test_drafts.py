"""What a draft is granted follows from the standing of its moment, however often it was asked before."""

from __future__ import annotations

from dataclasses import replace

import orjson

from tidegate.cloudapi.messages import Request, parse_send
from tidegate.cloudapi.vocabulary import Category
from tidegate.edge.graph.drafts import Draft, message_of, to_message
from tidegate.edge.graph.send_options import SendOptions
from tidegate.edge.graph.senders import Sender
from tidegate.gateway import Message, Route
from tidegate.gateway.wishes import Wishes
from tidegate.policy.rules import Hold, Rules
from tidegate.policy.standing import Standing, TemplateStanding
from tidegate.settings.tables import App

ROUTE = Route("p", "waba", "1")
APP = App(name="shop", key_sha256=["0" * 64], scopes=["send"])
NO_WISH = SendOptions()
STANDING = Standing("p", epoch=1, limit=1_000, limit_source="operator")


def a_sender() -> Sender:
    return Sender(APP, ROUTE)


def a_draft(sender: Sender, options: SendOptions = NO_WISH, template: str = "offer") -> Draft:
    body = {
        "messaging_product": "whatsapp",
        "to": "+16505551234",
        "type": "template",
        "template": {"name": template, "language": {"code": "en_US"}},
    }
    request = parse_send(orjson.dumps(body))
    assert isinstance(request, Request)
    return Draft(sender, request, options, "/v25.0/1/messages", b"")


def a_message(draft: Draft, standing: Standing, now_ms: int) -> Message:
    kind = draft.sender.kind_of(draft.request, draft.options, standing)
    return message_of(draft, "id", kind.granted, now_ms)


def test_a_message_is_what_it_is_without_anything_known() -> None:
    sender = a_sender()
    wishes = [
        SendOptions(),
        SendOptions(Wishes(hold=Hold.REJECT)),
        SendOptions(Wishes(category=Category.UTILITY)),
        SendOptions(expires_at_ms=5_000, campaign="spring", headers={"traceparent": "00-1-2-03"}),
        SendOptions(not_before_ms=9_000),
    ]
    for options in wishes * 2:
        draft = a_draft(sender, options)
        assert a_message(draft, STANDING, 1_000) == to_message(draft, "id", STANDING, 1_000)


def test_a_new_standing_is_asked_anew() -> None:
    draft = a_draft(a_sender())
    known = TemplateStanding("waba", "offer", "en_US", category=Category.AUTHENTICATION)
    later = replace(STANDING, epoch=2, templates={("waba", "offer", "en_US"): known})
    stricter = replace(later, rules=Rules.model_validate({"max_wait": {"authentication": "5m"}}))

    found = [a_message(draft, standing, 0) for standing in (STANDING, later, stricter, STANDING)]

    assert [message.category for message in found] == [
        Category.MARKETING,
        Category.AUTHENTICATION,
        Category.AUTHENTICATION,
        Category.MARKETING,
    ]
    assert found[2].deadline_ms == 300_000 != found[1].deadline_ms


def test_names_of_templates_that_never_end_are_not_kept_for_ever() -> None:
    sender = a_sender()
    for number in range(3_000):
        draft = a_draft(sender, template=f"t{number}")
        sender.kind_of(draft.request, draft.options, STANDING)
    assert len(sender._kinds) <= 1_024
