"""Only proof counts as acceptance, and our own answers are what clients of Meta expect."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidegate.cloudapi.answers import Acceptance, queued_answer, read_acceptance, refused_answer
from tidegate.cloudapi.messages import Request, parse_send

WAMID = "wamid.HBgLMTY1MDU1NTEyMzQVAgARGBIA3C0DE000015AA=="


@pytest.mark.parametrize(
    ("name", "acceptance"),
    [
        ("accepted_template", Acceptance("16505551234", WAMID, "accepted")),
        (
            "accepted_text_no_message_status",
            Acceptance("16505551234", "wamid.HBgLMTY1MDU1NTEyMzQVAgARGBIA3C0DE000032AA==", "accepted"),
        ),
        (
            "held",
            Acceptance(
                "16505551234", "wamid.HBgLMTY1MDU1NTEyMzQVAgARGBIA3C0DE000022AA==", "held_for_quality_assessment"
            ),
        ),
        (
            "brazil_wa_id_differs",
            Acceptance("551187654321", "wamid.HBgLMTY1MDU1NTEyMzQVAgARGBIA3C0DE000033AA==", "accepted"),
        ),
        (
            "bsuid",
            Acceptance(
                None, "wamid.HBgLMTY1MDU1NTEyMzQVAgARGBIA3C0DE000017AA==", "accepted", "US.27711208655302745501"
            ),
        ),
        ("read_receipt", None),
    ],
)
def test_a_recorded_answer_is_read(name: str, acceptance: Acceptance | None, recorded: Callable[[str], Any]) -> None:
    assert read_acceptance(json.dumps(recorded("api_send_responses")[name]).encode()) == acceptance


@pytest.mark.parametrize(
    "answer",
    [
        {"messages": [{"id": WAMID}]},
        {"messages": [{"id": WAMID, "message_status": 5}], "contacts": "x"},
        {"messages": [{"id": WAMID, "message_status": "A\n"}], "contacts": [{"wa_id": "+1", "user_id": " "}]},
        {"messages": [{"id": WAMID}], "contacts": [], "success": True, "error": None},
    ],
    ids=["no contacts", "parts of wrong types", "parts that say nothing", "more than needed"],
)
def test_an_id_is_proof_enough(answer: object) -> None:
    assert read_acceptance(json.dumps(answer).encode()) == Acceptance(None, WAMID, "accepted")


@pytest.mark.parametrize(
    "message_id",
    ["wamid.x", WAMID, "wamid." + "Az09+/=_-" * 56 + "12345678"],
    ids=["the shortest", "one of Meta's", "the longest"],
)
def test_an_id_of_metas_shape_is_taken(message_id: str) -> None:
    acceptance = read_acceptance(json.dumps({"messages": [{"id": message_id}]}).encode())
    assert acceptance is not None
    assert acceptance.wamid == message_id


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html><body>200 OK</body></html>",
        b'{"messages":[{"id":"wamid.x"}]',
        b'{"messages":[{"id":"wamid.x","id":"wamid.y"}]}',
        b'[{"messages":[{"id":"wamid.x"}]}]',
        b"null",
        b"{}",
        b'{"success":true}',
        b'{"messages":null}',
        b'{"messages":[]}',
        b'{"messages":["wamid.x"]}',
        b'{"messages":{"id":"wamid.x"}}',
        b'{"messages":[{"id":null}]}',
        b'{"messages":[{"id":5}]}',
        b'{"messages":[{"id":""}]}',
        b'{"messages":[{"id":"wamid.x\\n"}]}',
        b'{"messages":[{"id":"wamid x"}]}',
        '{"messages":[{"id":"wamid.ä"}]}'.encode(),
        b'{"messages":[{"id":"wamid."}]}',
        b'{"messages":[{"id":"fake-id-1"}]}',
        b'{"messages":[{"id":"WAMID.x"}]}',
        b'{"messages":[{"id":"x wamid.x"}]}',
        b'{"messages":[{"id":"wamid.x\\nwamid.y"}]}',
        b'{"messages":[{"id":"wamid.' + b"a" * 513 + b'"}]}',
        b'{"messages":[{"id":"wamid.x"}],"error":{"code":1}}',
    ],
    ids=repr,
)
def test_what_proves_nothing_is_none(raw: bytes) -> None:
    assert read_acceptance(raw) is None


def a_usual_answer(named: str, wa_id: str, id_: str, status: str) -> bytes:
    """As Meta writes it, whatever its values are."""
    told = f',"message_status":"{status}"' if status else ""
    contact, message = f'{{"input":"{named}","wa_id":"{wa_id}"}}', f'{{"id":"wamid.{id_}"{told}}}'
    return f'{{"messaging_product":"whatsapp","contacts":[{contact}],"messages":[{message}]}}'.encode()


@given(
    named=st.from_regex(r"\+?[0-9]{1,15}|[ -~]{0,20}", fullmatch=True),
    wa_id=st.from_regex(r"[0-9]{0,22}|[ -~]{0,9}", fullmatch=True),
    id_=st.from_regex(r"[A-Za-z0-9]{0,60}={0,2}|[!-~]{0,20}|a{510,514}", fullmatch=True),
    status=st.sampled_from(["", "accepted", "paused", "held_for_quality_assessment", "x\\", 'x","id":"wamid.y']),
)
@example("\\", "1", "a", "accepted")
@example('x"', "1", "a", "accepted")
def test_what_is_read_at_a_glance_is_what_its_json_says(named: str, wa_id: str, id_: str, status: str) -> None:
    raw = a_usual_answer(named, wa_id, id_, status)

    # A blank in front is nothing to JSON, and all that it takes for it to be read as any other answer is.
    assert read_acceptance(raw) == read_acceptance(b" " + raw)


@given(st.binary(max_size=100))
def test_any_bytes_prove_nothing(raw: bytes) -> None:
    assert read_acceptance(raw) is None


def test_an_acceptance_shows_no_person() -> None:
    assert repr(Acceptance("16505551234", WAMID, "accepted", "US.1")) == "Acceptance(message_status='accepted')"


def request_to(**recipient: str) -> Request:
    body = {"messaging_product": "whatsapp", "text": {"body": "x"}, **recipient}
    request = parse_send(json.dumps(body).encode())
    assert isinstance(request, Request)
    return request


def test_a_queued_send_is_answered_as_meta_answers_a_held_one() -> None:
    answer = queued_answer(
        request_to(to="+1 650-555-1234"),
        "wamid.m1",
        verdict="queue",
        reason="messaging_limit",
        until="2026-11-21T11:02:10Z",
    )
    assert answer == {
        "messaging_product": "whatsapp",
        "contacts": [{"input": "+1 650-555-1234", "wa_id": "16505551234"}],
        "messages": [{"id": "wamid.m1", "message_status": "held_for_quality_assessment"}],
        "tidegate": {"verdict": "queue", "reason": "messaging_limit", "until": "2026-11-21T11:02:10Z"},
    }
    assert read_acceptance(json.dumps(answer).encode()) == Acceptance(
        "16505551234", "wamid.m1", "held_for_quality_assessment"
    )


@pytest.mark.parametrize(
    ("recipient", "contact", "group"),
    [
        ({"recipient": "US.1"}, {"input": "US.1", "user_id": "US.1"}, None),
        ({"to": "g1", "recipient_type": "group"}, {"input": "g1", "wa_id": "g1"}, "g1"),
    ],
    ids=["a user id", "a group"],
)
def test_a_queued_send_names_its_recipient_as_meta_would(
    recipient: dict[str, str], contact: dict[str, str], group: str | None
) -> None:
    answer = queued_answer(request_to(**recipient), "m1", verdict="unknown")
    assert answer["contacts"] == [contact]
    assert answer["messages"][0].get("group_id") == group
    assert answer["tidegate"] == {"verdict": "unknown"}


def test_a_refused_send_is_answered_with_a_graph_error() -> None:
    assert refused_answer(131048, "The limit is used up.", "m1", reason="messaging_limit", until="u") == {
        "error": {
            "message": "(#131048) Spam rate limit hit",
            "type": "OAuthException",
            "code": 131048,
            "error_data": {"messaging_product": "whatsapp", "details": "The limit is used up."},
            "fbtrace_id": "m1",
            "tidegate": {"verdict": "reject", "reason": "messaging_limit", "until": "u"},
        }
    }


def test_a_refusal_for_ever_names_no_end() -> None:
    answer = refused_answer(132016, "d", "m1", reason="template_disabled")
    assert answer["error"]["tidegate"] == {"verdict": "reject", "reason": "template_disabled"}


@pytest.mark.parametrize(
    "message",
    [
        pytest.param({"id": "wamid.HBgL+/=_-0", "message_status": "accepted"}, id="accepted"),
        pytest.param({"id": "wamid.HBgL", "message_status": "held_for_quality_assessment"}, id="held"),
        pytest.param({"id": "wamid.HBgL"}, id="without a word on it"),
        pytest.param({"id": "gone", "message_status": "accepted"}, id="with an id that is none"),
        pytest.param({"id": "wamid.HBgL", "message_status": "Odd"}, id="with a word of no kind"),
    ],
)
def test_an_answer_as_meta_writes_it_says_what_it_would_in_any_other_writing(message: dict[str, str]) -> None:
    contacts = [{"input": "+1 650 555 1234", "wa_id": "16505551234"}]
    answer = {"messaging_product": "whatsapp", "contacts": contacts, "messages": [message]}

    usual, other = json.dumps(answer, separators=(",", ":")), json.dumps(answer, indent=1)

    assert read_acceptance(usual.encode()) == read_acceptance(other.encode())
