"""What a message's record tells the request that repeats it; nothing where a new try doubles nothing."""

from __future__ import annotations

import orjson
import pytest

from tests.factories import NOW_MS, PORTFOLIO
from tidegate.cloudapi.messages import Request, parse_send
from tidegate.edge.graph.fates import fate
from tidegate.policy.lifecycle import State
from tidegate.store.messages import Event, MessageRecord

ANSWERED = {
    State.QUEUED: (200, "queue"),
    State.SENDING: (200, "unknown"),
    State.UNKNOWN: (200, "unknown"),
    State.ACCEPTED: (200, "send"),
    State.SENT: (200, "send"),
    State.DELIVERED: (200, "send"),
    State.READ: (200, "send"),
    State.FAILED: (400, "reject"),
    State.EXPIRED: (400, "reject"),
    State.CANCELLED: (400, "reject"),
}


def request() -> Request:
    named = {"name": "offer", "language": {"code": "en_US"}}
    body = {"messaging_product": "whatsapp", "to": "+1 650 555 1234", "type": "template", "template": named}
    read = parse_send(orjson.dumps(body))
    assert isinstance(read, Request)
    return read


def record(state: State, *, wamid: str | None = "wamid.1", reason: str | None = None, cause: str = "") -> MessageRecord:
    return MessageRecord(
        message_id="tg-1",
        portfolio=PORTFOLIO,
        state=state,
        attempt=0,
        about={},
        wamid=wamid,
        taken=wamid is not None,
        reason=reason,
        until_ms=None,
        expires_at_ms=None,
        unresolved_at_ms=None,
        history=(Event(NOW_MS, state.value, cause),),
    )


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_its_answer(state: State) -> None:
    told = fate(record(state), request(), NOW_MS)

    assert told is not None
    assert (told.status, told.headers["Tidegate-Verdict"]) == ANSWERED[state]
    assert told.headers["Tidegate-Id"] == "tg-1"


def test_what_meta_took_is_told_with_metas_id_and_the_number_as_it_was_written() -> None:
    told = fate(record(State.SENT), request(), NOW_MS)

    assert told is not None
    assert orjson.loads(told.body) == {
        "messaging_product": "whatsapp",
        "contacts": [{"input": "+1 650 555 1234", "wa_id": "16505551234"}],
        "messages": [{"id": "wamid.1"}],
    }


def test_what_failed_and_was_never_taken_is_tried_anew() -> None:
    assert fate(record(State.FAILED, wamid=None), request(), NOW_MS) is None


def test_what_is_taken_without_metas_id_is_in_doubt() -> None:
    told = fate(record(State.ACCEPTED, wamid=None), request(), NOW_MS)

    assert told is not None
    assert told.headers["Tidegate-Verdict"] == "unknown"


@pytest.mark.parametrize(
    ("cause", "code"), [("Meta's webhook 131026", 131026), ("Meta's webhook", 131000), ("attempt \u0663", 131000)]
)
def test_a_failure_is_told_with_metas_code(cause: str, code: int) -> None:
    told = fate(record(State.FAILED, cause=cause), request(), NOW_MS)

    assert told is not None
    assert orjson.loads(told.body)["error"]["code"] == code


def test_a_reason_of_a_newer_version_breaks_nothing() -> None:
    told = fate(record(State.QUEUED, reason="of tomorrow"), request(), NOW_MS)

    assert told is not None
    assert told.headers["Tidegate-Verdict"] == "queue"
