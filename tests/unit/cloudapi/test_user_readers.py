"""Parts of the fields about users: what each is taken from, and when it says nothing."""

from typing import Any

import pytest

from tests.unit.cloudapi.message_cases import ABSENT
from tidegate.cloudapi.events import (
    Event,
    IdentityChange,
    InboundMessage,
    PlatformError,
    Preference,
    StatusError,
    StatusUpdate,
    Unrecognised,
    UserIdUpdate,
    UserPreference,
)
from tidegate.cloudapi.user_events import WHEN_RECEIVED_MS
from tidegate.cloudapi.user_readers import read_messages, read_user_id_updates, read_user_preferences
from tidegate.cloudapi.vocabulary import MessageStatus
from tidegate.cloudapi.wire import Change, Unreadable

UNRECOGNISED = Unrecognised("messages", "1")


def change(field: str = "messages", /, **value: Any) -> Change:
    return Change("1", None, field, {"metadata": {"phone_number_id": "2"}, **value})


def without_absent(**parts: Any) -> dict[str, Any]:
    return {key: value for key, value in parts.items() if value is not ABSENT}


def read_message(contacts: object = (), **changes: Any) -> Event:
    message = without_absent(**{"from": "155512345", "id": "m", "timestamp": "9", "type": "text", **changes})
    (event,) = read_messages(change(messages=[message], contacts=contacts))
    return event


def read_inbound(contacts: object = (), **changes: Any) -> InboundMessage:
    event = read_message(contacts, **changes)
    assert isinstance(event, InboundMessage)
    return event


def read_status(**changes: Any) -> Event:
    parts = {"id": "m", "status": "sent", "timestamp": "9", "recipient_id": "155512345", **changes}
    (event,) = read_messages(change(statuses=[without_absent(**parts)]))
    return event


@pytest.mark.parametrize("metadata", [None, {}, "x", {"phone_number_id": ""}, {"phone_number_id": True}], ids=repr)
def test_nothing_is_read_of_an_unknown_number(metadata: object) -> None:
    for read in (read_messages, read_user_preferences, read_user_id_updates):
        with pytest.raises(Unreadable):
            read(Change("1", None, "messages", {"metadata": metadata}))


def test_a_number_given_as_an_integer_is_read() -> None:
    value = {"metadata": {"phone_number_id": 2}, "errors": [{"code": 1}]}
    assert read_messages(Change("1", None, "messages", value)) == [PlatformError("1", "2", 1, "", "")]


def test_a_change_that_tells_nothing_is_unrecognised() -> None:
    assert read_messages(change()) == [UNRECOGNISED]
    assert read_messages(change(messages=[], statuses=[])) == [UNRECOGNISED]


@pytest.mark.parametrize("key", ["messages", "statuses", "errors"])
def test_parts_that_are_no_list_are_unreadable(key: str) -> None:
    with pytest.raises(Unreadable):
        read_messages(change(**{key: {"a": 1}}))


def test_messages_come_before_statuses_and_a_bad_part_costs_none_of_the_others() -> None:
    good = {"from": "155512345", "id": "m", "timestamp": 9, "type": "text"}
    sent = {"id": "m", "status": "sent", "timestamp": "9"}
    events = read_messages(change(messages=[good, 5, good], statuses=[None, sent], errors=[{}, {"code": 4}]))
    assert [type(event) for event in events] == [
        InboundMessage,
        Unrecognised,
        InboundMessage,
        Unrecognised,
        StatusUpdate,
        Unrecognised,
        PlatformError,
    ]


OPENERS = ["text", "image", "video", "audio", "document", "sticker", "location", "contacts", "interactive"]
OPENERS += ["button", "reaction", "order"]


@pytest.mark.parametrize("type_", OPENERS)
def test_what_a_user_writes_or_taps_opens_a_window(type_: str) -> None:
    assert read_inbound(type=type_).opens_window
    assert not read_inbound(type=type_, group_id="g").opens_window


@pytest.mark.parametrize("type_", ["system", "edit", "revoke", "unsupported", "a_type_of_tomorrow"])
def test_anything_else_opens_none(type_: str) -> None:
    assert not read_inbound(type=type_).opens_window


@pytest.mark.parametrize(
    ("type_", "content", "text", "payload"),
    [
        ("text", {"body": "STOP"}, "STOP", None),
        ("text", {"body": 5}, None, None),
        ("text", "STOP", None, None),
        ("button", {"text": "Stop", "payload": "STOP_PROMO"}, "Stop", "STOP_PROMO"),
        ("interactive", {"button_reply": {"id": "b", "title": "Yes"}}, "Yes", "b"),
        ("interactive", {"list_reply": {"id": "r", "title": "Row"}}, "Row", "r"),
        ("interactive", {"nfm_reply": {"name": "flow"}}, None, None),
        ("image", {"caption": "STOP"}, None, None),
    ],
)
def test_what_a_user_says_is_read(type_: str, content: object, text: str | None, payload: str | None) -> None:
    message = read_inbound(**{"type": type_, type_: content})
    assert (message.text, message.payload) == (text, payload)


CONTACT = {"wa_id": "155512345", "user_id": "US.1", "parent_user_id": "US.ENT.1"}
OTHER = {"wa_id": "155599999", "user_id": "US.9"}


@pytest.mark.parametrize(
    ("contacts", "changes", "user"),
    [
        ([], {}, ("155512345", None, None)),
        ([CONTACT], {}, ("155512345", "US.1", "US.ENT.1")),
        ([OTHER, CONTACT], {}, ("155512345", "US.1", "US.ENT.1")),
        ([OTHER, CONTACT], {"from": ABSENT, "from_user_id": "US.1"}, ("155512345", "US.1", "US.ENT.1")),
        ([OTHER], {}, ("155512345", None, None)),
        ([CONTACT], {"from": ABSENT}, ("155512345", "US.1", "US.ENT.1")),
        ([CONTACT], {"from_user_id": "US.2"}, ("155512345", "US.2", "US.ENT.1")),
        ([CONTACT], {"from_parent_user_id": "US.ENT.2"}, ("155512345", "US.1", "US.ENT.2")),
        ([{"user_id": "US.7"}], {"from": ABSENT}, (None, "US.7", None)),
        ("x", {}, ("155512345", None, None)),
        ([None, 5], {}, ("155512345", None, None)),
    ],
    ids=[
        "by the message alone",
        "with what the contact adds",
        "with what the right contact adds, by phone",
        "with what the right contact adds, by user id",
        "not with what another's contact says",
        "by the only contact",
        "by the message before the contact",
        "by the message's own parent before the contact's",
        "by the only contact's user id",
        "whatever the contacts are",
        "whatever a contact is",
    ],
)
def test_the_sender_is_known(contacts: object, changes: dict[str, Any], user: tuple[str | None, ...]) -> None:
    message = read_inbound(contacts, **changes)
    assert (message.phone, message.user_id, message.parent_user_id) == user


@pytest.mark.parametrize(
    ("contacts", "changes"),
    [
        ([], {"from": ABSENT}),
        ([CONTACT, OTHER], {"from": ABSENT}),
        ([{}], {"from": 155512345}),
        ([], {"id": ABSENT}),
        ([], {"timestamp": ABSENT}),
        ([], {"timestamp": "soon"}),
        ([], {"timestamp": 1_795_176_000_000}),
        ([], {"type": ABSENT}),
        ([], {"type": ["text"]}),
    ],
    ids=[
        "no sender",
        "a sender who could be either contact",
        "a sender that is a number",
        "no id",
        "no time",
        "a time in words",
        "a time in milliseconds",
        "no type",
        "a type that is a list",
    ],
)
def test_a_message_that_lacks_the_needful_is_unrecognised(contacts: object, changes: dict[str, Any]) -> None:
    assert read_message(contacts, **changes) == UNRECOGNISED


def test_the_first_error_of_an_unsupported_message_says_why() -> None:
    errors = [{"title": "no code"}, {"code": 131060}, {"code": 131051}]
    assert read_inbound(type="unsupported", errors=errors).error_code == 131060


@pytest.mark.parametrize(
    ("system", "changed"),
    [
        (
            {"type": "user_changed_number", "wa_id": "155577777", "user_id": "US.2"},
            ("155512345", "US.1", "155577777", "US.2"),
        ),
        (
            {"type": "customer_changed_number", "new_wa_id": "155577777"},
            ("155512345", "US.1", "155577777", None),
        ),
        (
            {"type": "user_changed_user_id", "user_id": "US.2", "previous_user_id": "US.0"},
            ("155512345", "US.0", None, "US.2"),
        ),
    ],
    ids=["to another number", "to another number, in the older shape", "to another user id"],
)
def test_a_user_changes(system: dict[str, Any], changed: tuple[str | None, ...]) -> None:
    event = read_message(type="system", system=system, from_user_id="US.1")
    assert event == IdentityChange("1", "2", "m", 9_000, *changed)


@pytest.mark.parametrize(
    "changes",
    [{"system": {"type": "user_changed_number"}}, {"id": ABSENT}, {"timestamp": ABSENT}],
    ids=["to nothing", "in a message without id", "at no time"],
)
def test_a_change_of_identity_that_lacks_the_needful_is_unrecognised(changes: dict[str, Any]) -> None:
    system = {"type": "user_changed_number", "wa_id": "155577777"}
    assert read_message(**{"type": "system", "system": system, **changes}) == UNRECOGNISED


@pytest.mark.parametrize("kind", ["customer_identity_changed", None, 5], ids=repr)
def test_any_other_system_message_is_a_message_that_opens_nothing(kind: object) -> None:
    message = read_inbound(type="system", system={"type": kind, "wa_id": "155577777"})
    assert not message.opens_window


@pytest.mark.parametrize("word", list(MessageStatus))
def test_every_status_is_read(word: MessageStatus) -> None:
    assert read_status(status=word.value) == StatusUpdate("1", "2", "m", word, 9_000, "155512345", None, None)


@pytest.mark.parametrize(
    "changes",
    [{"status": "deleted"}, {"status": None}, {"status": ["sent"]}, {"id": ABSENT}, {"timestamp": "x"}],
    ids=repr,
)
def test_a_status_that_lacks_the_needful_is_unrecognised(changes: dict[str, Any]) -> None:
    assert read_status(**changes) == UNRECOGNISED


def test_a_status_needs_no_recipient() -> None:
    event = read_status(recipient_id=ABSENT)
    assert isinstance(event, StatusUpdate)
    assert (event.phone, event.user_id) == (None, None)


def test_a_status_in_a_group_names_the_group_and_the_participant() -> None:
    event = read_status(
        recipient_type="group",
        recipient_id="Z3JvdXA=",
        recipient_participant_id="155512345",
        recipient_user_id="US.1",
        recipient_parent_user_id="US.ENT.1",
    )
    assert event == StatusUpdate(
        "1",
        "2",
        "m",
        MessageStatus.SENT,
        9_000,
        "155512345",
        "US.1",
        None,
        group="Z3JvdXA=",
        parent_user_id="US.ENT.1",
    )


def test_the_errors_that_can_be_read_are_kept_and_the_failure_counts_without_them() -> None:
    event = read_status(
        status="failed",
        errors=[
            {"code": "131026"},
            {"code": True},
            None,
            {"code": 131026, "message": "Message undeliverable", "error_data": "x"},
            {"code": 1, "title": "T", "message": "M", "error_data": {"details": "D"}},
        ],
    )
    assert isinstance(event, StatusUpdate)
    assert event.errors == (StatusError(131026, "Message undeliverable", ""), StatusError(1, "T", "D"))
    unread = read_status(status="failed", errors="x")
    assert isinstance(unread, StatusUpdate)
    assert unread.errors == ()


def test_a_price_and_a_conversation_of_wrong_types_are_left_out() -> None:
    event = read_status(
        pricing={"billable": "yes", "category": 5},
        conversation={"origin": "marketing", "expiration_timestamp": "soon"},
    )
    assert isinstance(event, StatusUpdate)
    assert event.pricing is not None
    assert (event.pricing.billable, event.pricing.category) == (None, None)
    assert (event.conversation_expires_at_ms, event.conversation_origin) == (None, None)
    bare = read_status(pricing="x")
    assert isinstance(bare, StatusUpdate)
    assert bare.pricing is None


def test_a_preference_needs_a_user_a_value_a_kind_and_a_time() -> None:
    good = {"wa_id": "155512345", "category": "marketing_messages", "value": "resume", "timestamp": 9}
    bad = [{**good, "wa_id": None}, {**good, "value": "maybe"}, {**good, "category": None}]
    bad += [{**good, "timestamp": None}]
    events = read_user_preferences(change("user_preferences", user_preferences=[*bad, good]))
    assert events == [Unrecognised("user_preferences", "1")] * 4 + [
        UserPreference("1", "2", "155512345", None, "marketing_messages", Preference.RESUME, 9_000)
    ]


@pytest.mark.parametrize(
    ("odd", "category", "at_ms"),
    [
        pytest.param({"timestamp": 9.5}, "marketing_messages", WHEN_RECEIVED_MS, id="a time that is none"),
        pytest.param({"timestamp": None}, "marketing_messages", WHEN_RECEIVED_MS, id="no time"),
        pytest.param({"category": None}, "unknown", 9_000, id="no kind"),
    ],
)
def test_a_stop_counts_whatever_else_of_it_cannot_be_read(odd: dict[str, Any], category: str, at_ms: int) -> None:
    stop = {"wa_id": "155512345", "category": "marketing_messages", "value": "stop", "timestamp": 9, **odd}

    assert read_user_preferences(change("user_preferences", user_preferences=[stop])) == [
        UserPreference("1", "2", "155512345", None, category, Preference.STOP, at_ms)
    ]


def test_a_new_user_id_needs_a_user_and_a_time() -> None:
    good: dict[str, Any] = {"user_id": {"previous": "US.1", "current": "US.2"}, "timestamp": "9"}
    bad = [{**good, "user_id": {"current": "US.2"}}, {**good, "user_id": {"previous": "US.1"}}]
    bad += [{**good, "timestamp": 0}, {**good, "user_id": "US.2"}]
    events = read_user_id_updates(change("user_id_update", user_id_update=[*bad, good]))
    assert events == [Unrecognised("user_id_update", "1")] * 4 + [UserIdUpdate("1", "2", None, "US.1", "US.2", 9_000)]
