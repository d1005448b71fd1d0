"""A delivery cut into updates, each of which can be told alone, and the bodies that tell them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from tidegate.cloudapi.updates import (
    Update,
    failed_status,
    status_to_relay,
    update_to_relay,
    updates,
    with_status_id,
)
from tidegate.cloudapi.webhooks import read_body, read_envelope

FIXTURES = sorted((Path(__file__).parent / "fixtures").rglob("*.json"))
META = {"display_phone_number": "15550783881", "phone_number_id": "1065"}


def body(field: str, value: Any, **entry: Any) -> bytes:
    changes = [{"value": value, "field": field}]
    return orjson.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1022", "changes": changes} | entry]})


def messaging(**more: Any) -> bytes:
    return body("messages", {"messaging_product": "whatsapp", "metadata": META} | more)


def only(raw: bytes) -> Update:
    [update] = updates(read_body(raw))
    return update


def value(raw: bytes) -> dict[str, Any]:
    [entry] = orjson.loads(raw)["entry"]
    [change] = entry["changes"]
    return dict(change["value"])


STATUS = {"id": "wamid.1", "status": "sent", "timestamp": "1790000000", "recipient_id": "16505551234"}
MESSAGE = {"id": "wamid.2", "from": "16505551234", "timestamp": "1790000001", "type": "text", "text": {"body": "hi"}}
ANN = {"wa_id": "16505551234", "profile": {"name": "Ann"}}
BOB = {"wa_id": "16505559999", "user_id": "US.1"}


class TestCutting:
    def test_each_entry_of_a_list_is_an_update(self) -> None:
        raw = messaging(messages=[MESSAGE, MESSAGE], statuses=[STATUS], errors=[{"code": 1}])

        assert [update.kind for update in updates(read_body(raw))] == ["messages", "messages", "statuses", "errors"]

    def test_of_the_contacts_those_go_with_it_that_it_speaks_of(self) -> None:
        by_id = {key: held for key, held in MESSAGE.items() if key != "from"} | {"from_user_id": "US.1"}
        told = [
            value(update_to_relay(one))
            for one in updates(read_body(messaging(contacts=[ANN, BOB], messages=[MESSAGE, by_id])))
        ]

        assert [one["contacts"] for one in told] == [[ANN], [BOB]]

    def test_each_of_many_contacts_is_looked_at_once(self) -> None:
        looks: list[str] = []

        class Contact(dict[str, Any]):
            def get(self, key: str, default: Any = None) -> Any:
                looks.append(key)
                return super().get(key, default)

        many = [str(15_550_000_000 + n) for n in range(100)]
        envelope = read_body(messaging(messages=[{**MESSAGE, "from": name} for name in many]))
        envelope["entry"][0]["changes"][0]["value"]["contacts"] = [Contact(wa_id=name) for name in many]

        told = [one.beside["contacts"] for one in updates(envelope)]

        assert told == [[{"wa_id": name}] for name in many]
        assert len(looks) == 2 * len(many)

    @pytest.mark.parametrize("contacts", [[BOB], "none", []])
    def test_what_leaves_no_choice_goes_along_as_it_is(self, contacts: Any) -> None:
        assert value(update_to_relay(only(messaging(contacts=contacts, messages=[MESSAGE]))))["contacts"] == contacts

    def test_a_field_without_lists_is_one_update_with_all_of_its_value(self) -> None:
        raw = body("a_new_field", {"x": [1, 2]}, time=1_790_000_000)
        update = only(raw)

        assert (update.kind, update.number_id, update.phone, update.user_id) == ("a_new_field", None, None, None)
        assert orjson.loads(update_to_relay(update)) == orjson.loads(raw)

    def test_a_known_field_whose_list_is_none_goes_as_a_whole(self) -> None:
        assert only(messaging(messages="?")).key is None

    @pytest.mark.parametrize(
        "raw",
        [
            pytest.param(b"[]", id="no object"),
            pytest.param(orjson.dumps({"object": "page", "entry": []}), id="another product's"),
            pytest.param(
                orjson.dumps({"object": "whatsapp_business_account", "entry": {}}), id="entries that are none"
            ),
            pytest.param(body("messages", "?"), id="a value that is none"),
            pytest.param(body("", {}), id="a field without a name"),
            pytest.param(messaging(messages=["?"]), id="a message that is none"),
            pytest.param(
                orjson.dumps({"object": "whatsapp_business_account", "entry": [{"changes": [{}, 1]}, 2]}),
                id="no account",
            ),
        ],
    )
    def test_what_can_not_be_told_alone_is_left_out(self, raw: bytes) -> None:
        assert list(updates(read_body(raw))) == []

    @pytest.mark.parametrize("path", FIXTURES, ids=[path.stem for path in FIXTURES])
    def test_a_recorded_delivery_tells_the_same_in_its_parts_as_whole(self, path: Path) -> None:
        raw = path.read_bytes()
        events = [event for event in read_envelope(raw) if type(event).__name__ != "Unrecognised"]

        told = [event for update in updates(read_body(raw)) for event in read_envelope(update_to_relay(update))]

        assert [event for event in told if type(event).__name__ != "Unrecognised"] == events


class TestReading:
    @pytest.mark.parametrize(
        ("field", "key", "part", "names"),
        [
            pytest.param("messages", "messages", MESSAGE, ("16505551234", None), id="a message"),
            pytest.param("messages", "messages", {"from_user_id": "US.1"}, (None, "US.1"), id="a message by id"),
            pytest.param("messages", "statuses", STATUS, ("16505551234", "16505551234"), id="a status"),
            pytest.param("messages", "statuses", {"recipient_id": "group"}, (None, "group"), id="a group's"),
            pytest.param(
                "user_preferences", "user_preferences", {"wa_id": "16505551234"}, ("16505551234", None), id="a wish"
            ),
            pytest.param(
                "user_id_update",
                "user_id_update",
                {"user_id": {"previous": "US.1", "current": "US.2"}},
                (None, "US.1"),
                id="a new id",
            ),
            pytest.param("messages", "errors", {"code": 1}, (None, None), id="an error"),
        ],
    )
    def test_it_knows_of_which_user_it_speaks(self, field, key, part, names) -> None:
        update = only(body(field, {"metadata": META, key: [part]}))

        assert (update.number_id, update.phone, update.user_id) == ("1065", *names)

    def test_a_status_names_its_message_and_its_callback_data(self) -> None:
        update = only(messaging(statuses=[STATUS | {"biz_opaque_callback_data": "x"}]))

        assert (update.wamid, update.opaque, update.answers_to) == ("wamid.1", "x", None)
        assert (only(messaging(messages=[MESSAGE])).wamid, only(messaging(messages=[MESSAGE])).opaque) == (None, None)

    @pytest.mark.parametrize(
        ("more", "wamid"),
        [
            pytest.param({"context": {"id": "wamid.9"}}, "wamid.9", id="a reply"),
            pytest.param({"reaction": {"message_id": "wamid.9"}}, "wamid.9", id="a reaction"),
            pytest.param({"context": {"forwarded": True}}, None, id="neither"),
        ],
    )
    def test_a_message_names_what_it_answers(self, more: dict[str, Any], wamid: str | None) -> None:
        assert only(messaging(messages=[MESSAGE | more])).answers_to == wamid

    def test_its_time_is_its_own_else_that_of_the_entry(self) -> None:
        assert only(messaging(messages=[MESSAGE])).at_ms == 1_790_000_001_000
        assert only(body("account_update", {"event": "x"}, time=1_790_000_002)).at_ms == 1_790_000_002_000
        assert only(body("account_update", {"event": "x"})).at_ms is None

    def test_it_is_named_alike_alone_and_among_others(self) -> None:
        alone = only(messaging(statuses=[STATUS]))
        among = list(updates(read_body(messaging(contacts=[ANN], messages=[MESSAGE], statuses=[STATUS]))))

        assert [one.named == alone.named for one in among] == [False, True]

    def test_events_of_an_account_are_told_apart_by_their_time(self) -> None:
        first, second = (only(body("account_update", {"event": "x"}, time=time)) for time in (1, 2))

        assert first.named != second.named

    def test_it_shows_nobody_what_a_user_wrote(self) -> None:
        assert "hi" not in repr(only(messaging(contacts=[ANN], messages=[MESSAGE])))


class TestWriting:
    def test_a_status_goes_without_our_callback_data(self) -> None:
        update = only(messaging(statuses=[STATUS | {"biz_opaque_callback_data": "tg1.x.y"}]))

        assert value(status_to_relay(update, None, None))["statuses"] == [STATUS]

    def test_a_status_goes_with_its_senders_id_and_callback_data(self) -> None:
        update = only(messaging(statuses=[STATUS]))
        told = value(status_to_relay(update, "tg1", "order 7"))

        assert told["statuses"] == [STATUS | {"id": "tg1", "biz_opaque_callback_data": "order 7"}]
        assert told["metadata"] == META

    def test_a_status_can_be_given_another_id_later(self) -> None:
        raw = status_to_relay(only(messaging(statuses=[STATUS])), None, None)

        assert value(with_status_id(raw, "tg1"))["statuses"] == [STATUS | {"id": "tg1"}]

    @pytest.mark.parametrize(
        ("more", "told"),
        [
            pytest.param({"context": {"id": "w", "from": "1"}}, {"context": {"id": "tg1", "from": "1"}}, id="a reply"),
            pytest.param(
                {"reaction": {"message_id": "w", "emoji": "+"}},
                {"reaction": {"message_id": "tg1", "emoji": "+"}},
                id="a reaction",
            ),
            pytest.param({}, {}, id="neither"),
        ],
    )
    def test_a_message_names_what_it_answers_by_our_id(self, more: dict[str, Any], told: dict[str, Any]) -> None:
        update = only(messaging(messages=[MESSAGE | more]))

        assert value(update_to_relay(update, "tg1"))["messages"] == [MESSAGE | told]
        assert value(update_to_relay(update))["messages"] == [MESSAGE | more]

    def test_a_failure_is_told_as_meta_tells_it(self) -> None:
        raw = failed_status(
            waba_id="1022",
            number_id="1065",
            display_phone_number="15550783881",
            message_id="tg1",
            recipient="16505551234",
            at_ms=1_790_000_000_999,
            code=131_050,
            details="opted out",
            opaque=None,
        )

        [event] = read_envelope(raw)
        [status] = value(raw)["statuses"]
        assert (type(event).__name__, status["timestamp"]) == ("StatusUpdate", "1790000000")
        assert (status["id"], status["recipient_id"], "biz_opaque_callback_data" in status) == (
            "tg1",
            "16505551234",
            False,
        )
        [error] = status["errors"]
        assert (error["code"], error["error_data"]) == (131_050, {"details": "opted out"})
        assert error["title"] == error["message"] != ""


class TestFiles:
    URL = "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1"

    def told(self, message: dict[str, Any], **lists: Any) -> tuple[Any, list[str]]:
        asked: list[str] = []

        def address(url: str) -> str | None:
            asked.append(url)
            return "https://gate.example/media/x" if url == self.URL else None

        held = lists or {"messages": [MESSAGE | message]}
        return value(update_to_relay(only(messaging(**held)), None, address)), asked

    @pytest.mark.parametrize("type_", ["image", "video", "audio", "document", "sticker"])
    def test_the_address_of_a_file_is_exchanged_and_nothing_else_of_it(self, type_: str) -> None:
        file = {"id": "7", "mime_type": "image/png", "sha256": "s", "url": self.URL}

        told, _ = self.told({"type": type_, type_: file})

        assert told["messages"] == [MESSAGE | {"type": type_, type_: file | {"url": "https://gate.example/media/x"}}]

    @pytest.mark.parametrize(
        ("message", "asked"),
        [
            pytest.param({"type": "text", "text": {"body": "b", "url": URL}}, [], id="of a message that is no file"),
            pytest.param({"type": "image", "image": {"id": "7"}}, [], id="where there is none"),
            pytest.param({"type": "image", "image": {"url": 7}}, [], id="that is no text"),
            pytest.param({"type": "image", "image": "i"}, [], id="of what is no description"),
            pytest.param({"type": ["image"], "image": {"url": URL}}, [], id="of no type"),
            pytest.param({"type": "image", "image": {"url": "https://a"}}, ["https://a"], id="that is none of Meta's"),
        ],
    )
    def test_an_address_stays(self, message: dict[str, Any], asked: list[str]) -> None:
        told, were_asked = self.told(message)

        assert (told["messages"], were_asked) == ([MESSAGE | message], asked)

    def test_what_is_no_message_of_a_user_is_not_looked_at(self) -> None:
        errors = [{"code": 1, "type": "image", "image": {"url": self.URL}}]

        told, asked = self.told({}, errors=errors)

        assert (told["errors"], asked) == (errors, [])
