"""A claim keeps the answer to its send as it is stored, and lets go of what that was made of."""

from __future__ import annotations

from typing import cast

from tests.factories import NOW_MS, make_facts
from tidegate.cloudapi.messages import parse_send
from tidegate.cloudapi.request import Request
from tidegate.edge.graph.once import SendClaim
from tidegate.edge.idempotency import unpacked
from tidegate.edge.replies import Reply
from tidegate.edge.services import Services
from tidegate.gateway import Forwarded
from tidegate.store.idempotency import Entry
from tidegate.upstream import Response

FORWARDED = Forwarded("m1", Response(200, b"HTTP/1.1 200 OK\r\n\r\n", b"{}"), accepted=True)


def a_claim() -> SendClaim:
    request = parse_send(b'{"messaging_product":"whatsapp","to":"16505551234","text":{"body":"x"}}')
    assert isinstance(request, Request)
    claim = SendClaim(request, cast(Services, None), entry=Entry("red", "shop:same", "", "m1"))
    claim.heed(make_facts(taken=True, now_ms=NOW_MS))
    assert claim.keeps("m1", FORWARDED) == "shop:same"
    return claim


def test_an_answer_that_was_given_is_kept_as_it_is_stored() -> None:
    claim, reply = a_claim(), Reply(200, {"Tidegate-Id": "m1"}, b"{}")

    claim.pack(reply)

    assert claim.answered is None
    assert unpacked(claim._as_kept()) == reply


def test_one_that_nobody_has_given_yet_is_made_of_what_became_of_the_send() -> None:
    reply = unpacked(a_claim()._as_kept())
    assert (reply.status, reply.headers["Tidegate-Id"], reply.body) == (200, "m1", b"{}")


def test_a_header_that_is_no_text_spoils_no_answer() -> None:
    claim, reply = a_claim(), Reply(200, {"X": "\ud800"}, b"{}")

    claim.pack(reply)

    assert (claim.reply, claim.answered) == (reply, FORWARDED)
