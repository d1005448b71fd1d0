"""A delivery is believed only when it is signed, and read whole: a bad part costs none of the good ones."""

import hashlib
import hmac
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.cloudapi.recorded_events import RECORDED
from tidegate.cloudapi.events import Event, InboundMessage, StatusUpdate, TemplateQualityUpdate, Unrecognised
from tidegate.cloudapi.status_bodies import read_statuses_of
from tidegate.cloudapi.vocabulary import Quality
from tidegate.cloudapi.webhooks import (
    MAX_PARTS,
    BadWebhook,
    envelope_parts,
    few_statuses,
    read_body,
    read_envelope,
    verify_signature,
)


@pytest.mark.parametrize(("name", "events"), RECORDED.items(), ids=RECORDED)
def test_a_recorded_webhook_tells(name: str, events: list[Event], recorded_bytes: Callable[[str], bytes]) -> None:
    assert read_envelope(recorded_bytes(f"wh_{name}")) == events


def test_every_recorded_webhook_is_in_the_table(request: pytest.FixtureRequest) -> None:
    names = {path.stem.removeprefix("wh_") for path in request.path.parent.glob("fixtures/wh_*.json")}
    assert names == set(RECORDED)


# --- signature ---

SECRET, BODY = b"0123456789abcdef", b'{"object":"whatsapp_business_account"}'
SIGNATURE = "sha256=" + hmac.new(SECRET, BODY, hashlib.sha256).hexdigest()


def test_the_signature_is_over_the_bytes_as_received(recorded: Callable[[str], Any]) -> None:
    vector = recorded("signature_vector")
    raw, secrets = vector["raw_body"].encode(), (vector["app_secret"].encode(),)
    header = vector["header_X-Hub-Signature-256"]
    assert verify_signature(raw, header, secrets)
    reserialised = json.dumps(json.loads(raw), ensure_ascii=False, separators=(",", ":")).encode()
    assert not verify_signature(reserialised, header, secrets)
    wrong = vector["_signature_if_you_reserialise_as_utf8 (must NOT match)"]
    assert not verify_signature(raw, wrong, secrets)
    assert verify_signature(reserialised, wrong, secrets)


@pytest.mark.parametrize(
    "secrets",
    [(SECRET,), (SECRET, b"previous"), (b"next", SECRET), (b"a", SECRET, b"b")],
    ids=["the only one", "the first", "the last", "one in the middle"],
)
def test_any_of_the_secrets_may_sign(secrets: tuple[bytes, ...]) -> None:
    assert verify_signature(BODY, SIGNATURE, secrets)


@pytest.mark.parametrize("length", [1, 63, 64, 65, 200])
def test_a_secret_may_be_of_any_length(length: int) -> None:
    secret = bytes(range(length))
    for body in (b"", BODY):
        signed = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
        assert verify_signature(body, signed, (secret,))
        assert not verify_signature(body + b" ", signed, (secret,))


@pytest.mark.parametrize(
    "header",
    [
        "",
        SIGNATURE[7:],
        SIGNATURE.upper(),
        "sha256=" + SIGNATURE[7:].upper(),
        SIGNATURE.replace("sha256", "sha1"),
        SIGNATURE[:-1],
        SIGNATURE + "0",
        SIGNATURE + "\n",
        " " + SIGNATURE,
        SIGNATURE[:-1] + "é",
        SIGNATURE[:-1] + "\udcff",
        SIGNATURE[:-1] + "٣",
        "sha256=" + "0" * 64,
        f"{SIGNATURE},{SIGNATURE}",
    ],
    ids=ascii,
)
def test_a_forged_header_proves_nothing(header: str) -> None:
    assert verify_signature(BODY, header, (SECRET,)) is False


def test_another_body_proves_nothing() -> None:
    assert not verify_signature(BODY + b" ", SIGNATURE, (SECRET,))


def test_no_secret_and_an_empty_secret_prove_nothing() -> None:
    signed_with_nothing = "sha256=" + hmac.new(b"", BODY, hashlib.sha256).hexdigest()
    assert not verify_signature(BODY, SIGNATURE, ())
    assert not verify_signature(BODY, signed_with_nothing, (b"",))
    assert verify_signature(BODY, SIGNATURE, (b"", SECRET))


@given(st.binary(max_size=50), st.text(max_size=90), st.lists(st.binary(), max_size=3).map(tuple))
def test_no_header_raises(raw: bytes, header: str, secrets: tuple[bytes, ...]) -> None:
    assert verify_signature(raw, header, secrets) is False


# --- envelope ---


def envelope(*changes: object, **entry: object) -> bytes:
    return json.dumps(
        {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes, **entry}]}
    ).encode()


REVIEW = {"field": "account_review_update", "value": {"decision": "APPROVED"}}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff",
        "{}".encode("utf-16"),
        b"{} x",
        b"\xef\xbb\xbf{}",
        b"[" * 100000,
        b'{"a":NaN}',
        b"[" + b"9" * 5000 + b"]",
        b"[1e999]",
        b"[" * 1100 + b"]" * 1100,
    ],
    ids=lambda raw: repr(raw[:12]),
)
def test_what_is_not_json_is_a_bad_webhook(raw: bytes) -> None:
    with pytest.raises(BadWebhook, match="not JSON"):
        read_envelope(raw)


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ([], Unrecognised("object")),
        (None, Unrecognised("object")),
        ({}, Unrecognised("object")),
        ({"object": "page", "entry": []}, Unrecognised("object")),
        ({"object": "whatsapp_business_account"}, Unrecognised("entry")),
        ({"object": "whatsapp_business_account", "entry": {}}, Unrecognised("entry")),
        ({"object": "whatsapp_business_account", "entry": ["x"]}, Unrecognised("entry")),
        ({"object": "whatsapp_business_account", "entry": [{"changes": []}]}, Unrecognised("entry")),
        ({"object": "whatsapp_business_account", "entry": [{"id": 1}]}, Unrecognised("changes", "1")),
        ({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": {}}]}, None),
        ({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [5]}]}, None),
    ],
)
def test_an_envelope_of_another_shape_is_told_not_raised(document: object, fault: Event | None) -> None:
    assert read_envelope(json.dumps(document).encode()) == [fault or Unrecognised("changes", "1")]


def test_more_parts_than_a_thousand_updates_have_are_a_bad_webhook() -> None:
    body = b'{"object":"page","entry":[%s[]]}'

    assert read_envelope(body % (b"[]," * (MAX_PARTS // 2))) == [Unrecognised("object")]
    with pytest.raises(BadWebhook, match="parts"):
        read_envelope(body % (b"[]," * MAX_PARTS))


def test_an_envelope_without_entries_tells_nothing() -> None:
    assert read_envelope(b'{"object":"whatsapp_business_account","entry":[]}') == []


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("history", "history"),
        ("smb_message_echoes", "smb_message_echoes"),
        ("calls", "calls"),
        ("x" * 65, "other"),
        ("Fields", "other"),
        ("a\n", "other"),
        (None, "other"),
        (["messages"], "other"),
    ],
    ids=repr,
)
def test_a_field_that_is_not_acted_on_is_told_by_its_name(field: object, told: str) -> None:
    assert read_envelope(envelope({"field": field, "value": {}})) == [Unrecognised(told, "1")]


@pytest.mark.parametrize("value", [None, [], "x", 5], ids=repr)
def test_a_value_that_is_no_object_is_unrecognised(value: object) -> None:
    assert read_envelope(envelope({"field": "security", "value": value})) == [Unrecognised("security", "1")]


def test_a_bad_change_costs_none_of_the_others() -> None:
    events = read_envelope(envelope(REVIEW, {"field": "messages", "value": {}}, REVIEW, 5, REVIEW))
    assert [type(event).__name__ for event in events] == [
        "AccountReview",
        "Unrecognised",
        "AccountReview",
        "Unrecognised",
        "AccountReview",
    ]


@pytest.mark.parametrize("beside", [True, False], ids=["among others", "alone"])
def test_many_statuses_of_one_change_are_read_some_at_a_time_in_their_order(beside: bool) -> None:
    metadata = {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"}
    statuses: list[Any] = [
        {"id": f"wamid.{i}", "status": "read", "timestamp": "1795176044", "recipient_id": "16505551234"}
        for i in range(250)
    ]
    statuses[7] = "none"
    message = {"from": "16505551234", "id": "wamid.m", "timestamp": "1795176044", "type": "text", "text": {"body": "a"}}
    value: dict[str, Any] = {"metadata": metadata, "statuses": statuses}
    if beside:
        value |= {"messages": [message], "errors": [{"code": 130429}]}
    body = envelope({"field": "messages", "value": value})

    parts = list(envelope_parts(read_body(body)))

    told = [event for part in parts for event in part]
    assert max(map(len, parts)) == 100
    names = [event.wamid if isinstance(event, StatusUpdate) else type(event).__name__ for event in told]
    expected = [f"wamid.{i}" if i != 7 else "Unrecognised" for i in range(250)]
    assert names == (["InboundMessage", *expected, "PlatformError"] if beside else expected)


def test_many_statuses_of_a_field_that_has_none_are_told_once() -> None:
    value = {"metadata": {"phone_number_id": "1"}, "statuses": [{}] * 250}

    assert read_envelope(envelope({"field": "hug", "value": value})) == [Unrecognised("hug", "1")]


def test_a_quality_update_is_known_by_its_keys_under_any_field() -> None:
    value = {
        "previous_quality_score": "GREEN",
        "new_quality_score": "YELLOW",
        "message_template_id": 5,
        "message_template_name": "a",
        "message_template_language": "en",
    }
    for field in ("message_template_status_update", "message_template_quality_update", "another"):
        assert read_envelope(envelope({"field": field, "value": value}, time=7)) == [
            TemplateQualityUpdate("1", "5", "a", "en", Quality.GREEN, Quality.YELLOW, 7_000)
        ]


@pytest.mark.parametrize("time", [-1, 10**15, "soon", 1.5, True, {}], ids=repr)
def test_an_account_change_at_an_impossible_time_is_unrecognised(time: object) -> None:
    assert read_envelope(envelope(REVIEW, time=time)) == [Unrecognised("account_review_update", "1")]


def test_the_entry_time_does_not_touch_what_has_a_time_of_its_own(
    recorded: Callable[[str], Any],
) -> None:
    body = recorded("wh_inbound_text")
    expected = read_envelope(json.dumps(body).encode())
    body["entry"][0]["time"] = "soon"
    assert read_envelope(json.dumps(body).encode()) == expected


def test_half_an_emoji_in_one_text_costs_no_delivery(recorded: Callable[[str], Any]) -> None:
    body = recorded("wh_inbound_text")
    body["entry"][0]["changes"][0]["value"]["messages"][0]["text"]["body"] = "cut \ud83d"
    (event,) = read_envelope(json.dumps(body).encode())
    assert isinstance(event, InboundMessage)
    assert event.text == "cut ?"


HALVES = (
    "\\ud83d",
    "\\uDBFF",
    "\\ude00",
    "\\uDfff",
    "\\ud83d\\ude00",
    "\\\\",
    '\\"',
    "\\n",
    "\\u00e9",
    "\\u005c",
    "ud83d",
    "de00",
    "x",
)


@given(st.lists(st.sampled_from(HALVES), max_size=12))
def test_halves_are_told_from_whole_pairs_and_from_what_only_looks_like_one(written: list[str]) -> None:
    raw = json.dumps({"a": 0}).replace("0", '"' + "".join(written) + '"').encode()

    assert read_body(raw) == {"a": json.loads(raw)["a"].encode("utf-8", "replace").decode()}


@pytest.mark.parametrize("raw", [b'{"a":"\\ud83d"', b'{"a":"\\ud83d\x00\x00"}', b'{"a":"\\ud83d","b":NaN}'])
def test_half_an_emoji_makes_nothing_else_json(raw: bytes) -> None:
    with pytest.raises(BadWebhook, match="not JSON"):
        read_envelope(raw)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=9), children, max_size=3),
    max_leaves=8,
)


@given(st.data())
def test_no_part_of_a_recorded_webhook_replaced_by_anything_raises(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(RECORDED)))
    body = json.loads((Path(__file__).parent / "fixtures" / f"wh_{name}.json").read_bytes())
    holder: Any = body
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        if isinstance(holder[key], dict | list) and holder[key] and data.draw(st.integers(0, 5)):
            holder = holder[key]
            continue
        holder[key] = data.draw(json_values)
        break
    raw = json.dumps(body).encode()
    try:
        events = read_envelope(raw)
    except BadWebhook:
        return  # a number that no double holds
    assert isinstance(events, list)
    assert few_statuses(read_body(raw)) in (None, events)
    assert read_statuses_of(raw) in (None, events)


STATUS = {"id": "wamid.1", "status": "read", "timestamp": "1795176044", "recipient_id": "16505551234"}
STATUSES = {"metadata": {"phone_number_id": "1"}, "statuses": [STATUS]}
OF_STATUSES = {"field": "messages", "value": STATUSES}


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        pytest.param([OF_STATUSES], 1, id="one status"),
        pytest.param([{**OF_STATUSES, "value": {**STATUSES, "statuses": [STATUS] * 100}}], 100, id="a hundred"),
        pytest.param([{**OF_STATUSES, "value": {**STATUSES, "statuses": [STATUS] * 101}}], None, id="more"),
        pytest.param([OF_STATUSES, OF_STATUSES], None, id="two changes"),
        pytest.param([{**OF_STATUSES, "field": "hug"}], None, id="another field"),
        pytest.param([{**OF_STATUSES, "value": {**STATUSES, "messages": []}}], None, id="messages too"),
        pytest.param([{**OF_STATUSES, "value": {**STATUSES, "errors": []}}], None, id="errors too"),
        pytest.param([{**OF_STATUSES, "value": {**STATUSES, "new_quality_score": 1}}], None, id="a quality update"),
        pytest.param([{**OF_STATUSES, "value": {**STATUSES, "metadata": 1}}], None, id="no number"),
        pytest.param([{**OF_STATUSES, "value": {**STATUSES, "statuses": [STATUS, 1]}}], None, id="one that is none"),
        pytest.param([{**OF_STATUSES, "value": {**STATUSES, "statuses": {}}}], None, id="no list"),
        pytest.param([{**OF_STATUSES, "value": {**STATUSES, "statuses": []}}], None, id="none at all"),
        pytest.param([1], None, id="no change"),
    ],
)
def test_a_few_statuses_and_nothing_else_are_told_as_they_are_told_anyway(changes: Any, count: int | None) -> None:
    raw = envelope(*changes)

    told = few_statuses(read_body(raw))

    assert told == read_statuses_of(raw) == (None if count is None else read_envelope(raw))
    assert count is None or len(read_envelope(raw)) == count


@pytest.mark.parametrize(
    "whole",
    [
        pytest.param(1, id="a number"),
        pytest.param({"entry": [{"changes": [OF_STATUSES], "id": "1"}]}, id="no object"),
        pytest.param({"object": "page", "entry": [{"changes": [OF_STATUSES], "id": "1"}]}, id="another object"),
        pytest.param({"object": "whatsapp_business_account", "entry": [{"changes": [OF_STATUSES]}]}, id="no account"),
    ],
)
def test_statuses_in_another_envelope_are_not_told(whole: Any) -> None:
    assert few_statuses(whole) is None
    assert read_statuses_of(json.dumps(whole).encode()) is None


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({}, id="what each says"),
        pytest.param({"recipient_id": None, "recipient_user_id": "US.1", "recipient_parent_user_id": "US.2"}, id="ids"),
        pytest.param({"recipient_user_id": " ", "recipient_parent_user_id": ""}, id="ids that are none"),
        pytest.param({"biz_opaque_callback_data": "tg1.a.b", "recipient_type": "individual"}, id="callback data"),
        pytest.param({"biz_opaque_callback_data": "", "recipient_id": None}, id="what is nothing"),
        pytest.param({"pricing": {"billable": True, "category": "utility", "type": "regular"}}, id="a price"),
        pytest.param({"pricing": {"pricing_model": "PMP", "category": "an odd one"}}, id="a price of no category"),
        pytest.param({"pricing": None, "conversation": None, "unheard": {"of": ["x"]}}, id="null, and what is new"),
        pytest.param({"conversation": {}}, id="an empty conversation"),
        pytest.param(
            {"conversation": {"id": "x", "expiration_timestamp": "1795262444", "origin": {"type": "utility"}}},
            id="a conversation",
        ),
    ],
)
def test_a_status_is_read_straight_as_it_is_read_anyway(said: dict[str, Any]) -> None:
    raw = envelope({**OF_STATUSES, "value": {**STATUSES, "statuses": [STATUS, {**STATUS, **said}]}})

    assert read_statuses_of(raw) == read_envelope(raw)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"status": "failed", "errors": [{"code": 131026, "title": "x"}]}, id="a failure"),
        pytest.param({"recipient_type": "group", "recipient_participant_id": "16505551234"}, id="of a group"),
        pytest.param({"status": "hugged"}, id="a status that nobody knows"),
        pytest.param({"timestamp": "soon"}, id="no time"),
        pytest.param({"timestamp": 1795176044}, id="a time in a number"),
        pytest.param({"id": "a b"}, id="no id"),
        pytest.param({"recipient_id": "nobody"}, id="no phone number"),
        pytest.param({"recipient_id": "+16505551234"}, id="a phone number with its sign"),
        pytest.param({"id": 7}, id="an id in a number"),
        pytest.param({"pricing": {"category": 7}}, id="a price in a number"),
        pytest.param({"unheard": "caf\u00e9"}, id="more than ASCII"),
    ],
)
def test_what_is_seldom_is_read_by_others(said: dict[str, Any]) -> None:
    body = json.loads(envelope({**OF_STATUSES, "value": {**STATUSES, "statuses": [{**STATUS, **said}]}}))

    assert read_statuses_of(json.dumps(body, ensure_ascii=False).encode()) is None


DEEP = b'"deep": ' + b"[" * 9_999 + b"]" * 9_999


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(envelope(OF_STATUSES)[:-1], id="cut off"),
        pytest.param(envelope(OF_STATUSES).replace(b"16505551234", rb"\u0661" * 11), id="digits of another script"),
        pytest.param(envelope({**OF_STATUSES, "deep": 0}).replace(b'"deep": 0', DEEP), id="deep"),
        pytest.param(envelope({**OF_STATUSES, "value": {**STATUSES, "metadata": {"phone_number_id": ""}}}), id="no id"),
    ],
)
def test_what_is_no_such_body_is_read_by_others(raw: bytes) -> None:
    assert read_statuses_of(raw) is None


@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_read_or_a_bad_webhook(raw: bytes) -> None:
    try:
        read_envelope(raw)
    except BadWebhook:
        return
