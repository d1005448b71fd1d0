"""What Meta shows of a user's names, and what of it is proof."""

from __future__ import annotations

import json

import pytest

from tests.factories import NOW_MS
from tidegate.cloudapi.events import (
    Event,
    IdentityChange,
    InboundMessage,
    PlatformError,
    StatusUpdate,
    UserIdUpdate,
    UserPreference,
)
from tidegate.cloudapi.messages import Acceptance, RecipientKind, Request, parse_send
from tidegate.cloudapi.user_events import Preference
from tidegate.cloudapi.vocabulary import MessageStatus
from tidegate.policy.users import Link, Name, links_of, links_of_answer, spellings

W, N, M = "102290129340398", "106540352242922", "wamid.1"
PHONE, OTHER, USER_ID, NEW_ID, PARENT = "16505551234", "12195555358", "US.1349120", "US.9948120", "US.ENT.118157"


def phone(digits: str) -> Name:
    return Name(RecipientKind.PHONE, digits)


def bsuid(text: str) -> Name:
    return Name(RecipientKind.BSUID, text)


def inbound(number: str | None, user_id: str | None = None, parent: str | None = None) -> InboundMessage:
    return InboundMessage(W, N, M, number, user_id, NOW_MS, "text", True, "Hi", parent_user_id=parent)


def status(word: MessageStatus, number: str | None = PHONE, user_id: str | None = USER_ID) -> StatusUpdate:
    return StatusUpdate(W, N, M, word, NOW_MS, number, user_id, None)


def preference(number: str | None, user_id: str | None) -> UserPreference:
    return UserPreference(W, N, number, user_id, "marketing_messages", Preference.STOP, NOW_MS)


def changed(*names: str | None) -> IdentityChange:
    return IdentityChange(W, N, M, NOW_MS, *names)


PROVEN, SUSPECTED = True, False


@pytest.mark.parametrize(
    ("event", "links"),
    [
        pytest.param(inbound(PHONE, USER_ID), [(bsuid(USER_ID), phone(PHONE), PROVEN)], id="a message with both"),
        pytest.param(inbound(PHONE), [], id="a message with the number alone"),
        pytest.param(inbound(None, USER_ID), [], id="a message of a user who hides the number"),
        pytest.param(inbound(None), [], id="a message of nobody"),
        pytest.param(PlatformError(W, N, 130429, "too fast", ""), [], id="an error of the number"),
        pytest.param(
            inbound(PHONE, USER_ID, PARENT),
            [(bsuid(USER_ID), phone(PHONE), PROVEN), (bsuid(PARENT), phone(PHONE), PROVEN)],
            id="a parent id is another name",
        ),
        pytest.param(
            inbound(None, USER_ID, PARENT),
            [(bsuid(PARENT), bsuid(USER_ID), PROVEN)],
            id="without a number",
        ),
        pytest.param(
            inbound("5215512345678", USER_ID),
            [(bsuid(USER_ID), phone("525512345678"), PROVEN)],
            id="a number in the one spelling that it is counted under",
        ),
        pytest.param(
            inbound("5491123456789"),
            [(phone("541123456789"), phone("5491123456789"), SUSPECTED)],
            id="an Argentine mobile number may be known without its 9",
        ),
        pytest.param(
            inbound("541123456789"),
            [(phone("5491123456789"), phone("541123456789"), SUSPECTED)],
            id="and one without it may be a mobile's",
        ),
        pytest.param(
            preference(PHONE, USER_ID), [(bsuid(USER_ID), phone(PHONE), PROVEN)], id="a user's preference with both"
        ),
        pytest.param(
            status(MessageStatus.DELIVERED), [(bsuid(USER_ID), phone(PHONE), PROVEN)], id="a delivery with both"
        ),
        pytest.param(status(MessageStatus.DELIVERED, None), [], id="a delivery with one"),
        pytest.param(status(MessageStatus.DELIVERED, None, None), [], id="a delivery with none"),
        pytest.param(status(MessageStatus.READ), [], id="what comes after a delivery shows nothing new"),
        pytest.param(
            changed(PHONE, None, OTHER, NEW_ID),
            [(bsuid(NEW_ID), phone(OTHER), PROVEN), (phone(PHONE), phone(OTHER), SUSPECTED)],
            id="a new number: what was refused goes along, the old number may be somebody else's tomorrow",
        ),
        pytest.param(
            changed(None, USER_ID, None, NEW_ID), [(bsuid(USER_ID), bsuid(NEW_ID), SUSPECTED)], id="a new id, no number"
        ),
        pytest.param(
            changed(PHONE, USER_ID, None, NEW_ID),
            [(bsuid(USER_ID), phone(PHONE), PROVEN), (phone(PHONE), bsuid(NEW_ID), SUSPECTED)],
            id="a new id, and the number that the old one had",
        ),
        pytest.param(changed(None, None, OTHER, None), [], id="a new number of nobody"),
        pytest.param(changed(PHONE, None, PHONE, None), [], id="a change to the same"),
        pytest.param(
            UserIdUpdate(W, N, OTHER, USER_ID, NEW_ID, NOW_MS),
            [(bsuid(NEW_ID), phone(OTHER), PROVEN), (bsuid(USER_ID), bsuid(NEW_ID), SUSPECTED)],
            id="an id made anew: the number that it shows is the new id's",
        ),
        pytest.param(
            UserIdUpdate(W, N, None, USER_ID, NEW_ID, NOW_MS),
            [(bsuid(USER_ID), bsuid(NEW_ID), SUSPECTED)],
            id="an id made anew of a user who hides the number",
        ),
        pytest.param(
            UserIdUpdate(W, N, OTHER, None, NEW_ID, NOW_MS), [(bsuid(NEW_ID), phone(OTHER), PROVEN)], id="a first id"
        ),
    ],
)
def test_what_an_event_shows(event: Event, links: list[tuple[Name, Name, bool]]) -> None:
    assert list(links_of(event)) == [Link(*link, NOW_MS) for link in links]


def request(**to: str) -> Request:
    body = {"messaging_product": "whatsapp", "type": "text", "text": {"body": "Hi"}, **to}
    parsed = parse_send(json.dumps(body).encode())
    assert isinstance(parsed, Request)
    return parsed


@pytest.mark.parametrize(
    ("to", "wa_id", "links"),
    [
        pytest.param({"to": "+16505551234"}, PHONE, [], id="the number sent to"),
        pytest.param({"to": "+16505551234"}, None, [], id="no number"),
        pytest.param({"to": "+5541988887777"}, "554188887777", [], id="another spelling that is known to be the same"),
        pytest.param(
            {"to": "+541123456789"},
            "5491123456789",
            [(phone("541123456789"), phone("5491123456789"), PROVEN)],
            id="another number: Meta says that it is the same user",
        ),
        pytest.param(
            {"recipient": USER_ID}, PHONE, [(bsuid(USER_ID), phone(PHONE), PROVEN)], id="the number behind a user id"
        ),
        pytest.param({"to": "group1", "recipient_type": "group"}, PHONE, [], id="a group is no user"),
    ],
)
def test_what_an_answer_shows(to: dict[str, str], wa_id: str | None, links: list[tuple[Name, Name, bool]]) -> None:
    acceptance = Acceptance(wa_id, M, "accepted")

    assert list(links_of_answer(request(**to), acceptance, NOW_MS)) == [Link(*link, NOW_MS) for link in links]


def test_only_numbers_have_spellings() -> None:
    assert spellings(bsuid("AR.5491123456789"), NOW_MS) == ()
    assert spellings(phone("5491123456789"), NOW_MS) == (
        Link(phone("541123456789"), phone("5491123456789"), False, NOW_MS),
    )


def test_a_name_shows_neither_number_nor_id() -> None:
    [link] = links_of(inbound(PHONE, USER_ID))

    assert PHONE not in repr(link)
    assert USER_ID not in repr(link)
