"""What a draft is granted follows from the standing of its moment, however often it was asked before."""

from __future__ import annotations

import tracemalloc
from collections import defaultdict
from dataclasses import replace
from itertools import product
from sys import getrefcount

import orjson
from msgspec import structs

from tidegate.cloudapi.messages import Request, parse_send
from tidegate.cloudapi.vocabulary import Category
from tidegate.edge.graph.drafts import Draft, message_of, to_message
from tidegate.edge.graph.send_options import SendOptions
from tidegate.edge.graph.senders import Kinds, Sender
from tidegate.gateway import Message, Route
from tidegate.gateway.wishes import Wishes
from tidegate.policy.rules import Delivery, Hold, Rules
from tidegate.policy.standing import Standing, TemplateStanding
from tidegate.settings.tables import App

ROUTE = Route("p", "waba", "1")
APP = App(name="shop", key_sha256=["0" * 64], scopes=["send"])
NO_WISH = SendOptions()
STANDING = Standing("p", epoch=1, limit=1_000, limit_source="operator")


def a_sender() -> Sender:
    return Sender(APP, ROUTE, Kinds())


def a_request(template: str | None, **more: object) -> Request:
    named = {"type": "template", "template": {"name": template, "language": {"code": "en_US"}}} if template else {}
    request = parse_send(orjson.dumps({"messaging_product": "whatsapp", "to": "+16505551234", **named, **more}))
    assert isinstance(request, Request)
    return request


def a_draft(sender: Sender, options: SendOptions = NO_WISH, template: str = "offer") -> Draft:
    return Draft(sender, a_request(template), options, "/v25.0/1/messages", b"")


def a_message(draft: Draft, standing: Standing, now_ms: int) -> Message:
    sender, request, options = draft.sender, draft.request, draft.options
    kind = sender.kind_of(request, options, standing)
    return message_of(sender, request, options, draft.raw_path, "id", kind, now_ms)


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
        known, unknown = (a_message(a_draft(one, options), STANDING, 1_000) for one in (sender, a_sender()))
        assert structs.replace(known, kind=None) == structs.replace(unknown, kind=None)


def test_sends_of_one_kind_agree_in_all_that_a_decision_looks_at() -> None:
    kinds, other = Kinds(), APP.model_copy(update={"name": "other", "webhook_url": "https://a.example"})
    senders = [Sender(app, ROUTE, kinds) for app in (APP, other)]
    wishes = [
        SendOptions(),
        SendOptions(campaign="spring"),
        SendOptions(Wishes(category=Category.UTILITY)),
        SendOptions(Wishes(delivery=Delivery.AT_LEAST_ONCE)),
        SendOptions(headers={"traceparent": "00-1-2-03"}),
    ]
    asked = [
        *(a_request(template) for template in ("offer", "order")),
        *(a_request(None, type="text", text={"body": "hi"}, **more) for more in ({}, {"category": "utility"})),
        a_request(None, type="reaction", reaction={"message_id": "wamid.1", "emoji": ""}),
    ]

    messages = [
        to_message(Draft(sender, request, options, "/v25.0/1/messages", b""), "id", STANDING, 0)
        for sender, options, request in product(senders, wishes, asked * 2)
    ]

    alike = defaultdict(set)
    for message in messages:
        asked_for = (message.category, message.request.template, message.request.type, message.campaign)
        alike[message.kind].add((message.app, message.route, message.delivery, message.relayed, *asked_for))
    assert None not in alike
    # Those that only differ in headers, which no decision looks at, are of one kind.
    assert (len(alike), {len(told) for told in alike.values()}) == (2 * 4 * 5, {1})


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
    kinds = Kinds()
    sender = Sender(APP, ROUTE, kinds)
    for number in range(5_000):
        draft = a_draft(sender, template=f"t{number}")
        sender.kind_of(draft.request, draft.options, STANDING)
    assert len(kinds.known) <= 4_096


def test_who_sends_nothing_more_holds_on_to_no_standing() -> None:
    kinds, first = Kinds(), replace(STANDING, epoch=2)
    quiet, busy = (Sender(APP, structs.replace(ROUTE, number=number), kinds) for number in ("1", "2"))
    held = getrefcount(first)

    a_message(a_draft(quiet), first, 0)
    a_message(a_draft(busy), STANDING, 0)

    assert getrefcount(first) == held


def test_many_senders_take_little_memory() -> None:
    kinds, many = Kinds(), 500
    tracemalloc.start()
    try:
        senders = [Sender(APP, ROUTE, kinds) for _ in range(many)]
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken / len(senders) < 2_048
