"""Graph errors: ours look like Meta's, and only what is one is read as one."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.cloudapi.errors import GraphError, graph_error, read_error


def test_an_error_of_ours_has_the_shape_of_metas(recorded: Callable[[str], Any]) -> None:
    theirs = recorded("api_errors")["131056"]["body"]["error"]
    ours = graph_error(131056, None, "wait 6 s", "tg-1")["error"]
    assert ours.keys() == theirs.keys()
    assert ours == {
        "message": "(#131056) Pair rate limit hit",
        "type": "OAuthException",
        "code": 131056,
        "error_data": {"messaging_product": "whatsapp", "details": "wait 6 s"},
        "fbtrace_id": "tg-1",
    }


def test_an_error_can_carry_a_message_more_keys_and_that_it_will_pass() -> None:
    body = graph_error(2, "Store", "back soon", "t", extra={"tidegate": {"verdict": "reject"}}, is_transient=True)
    error = body["error"]
    assert error["message"] == "(#2) Store"
    assert error["is_transient"] is True
    assert error["tidegate"] == {"verdict": "reject"}


def test_every_recorded_error_is_read(recorded: Callable[[str], Any]) -> None:
    answers = {code: answer for code, answer in recorded("api_errors").items() if code.isdigit()}
    assert answers
    for code, answer in answers.items():
        error = read_error(json.dumps(answer["body"]).encode())
        assert error is not None
        assert error.code == int(code)
        assert error.message == answer["body"]["error"]["message"]
        assert error.details == answer["body"]["error"].get("error_data", {}).get("details", "")
        assert error.subcode == answer["body"]["error"].get("error_subcode")


def test_an_error_of_ours_is_read_as_one() -> None:
    raw = json.dumps(graph_error(2, "Later", "d", "t", is_transient=True)).encode()
    assert read_error(raw) == GraphError(2, "(#2) Later", "d", None, True)


def test_the_shortest_error_is_read() -> None:
    raw = b'{"error":{"code":1,"error_data":"x","message":5,"is_transient":"yes","error_subcode":true}}'
    assert read_error(raw) == GraphError(1, "", "", None, False)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>502 Bad Gateway</html>",
        b'{"error":{"code":1',
        b"[]",
        b"{}",
        b'{"error":null}',
        b'{"error":"no"}',
        b'{"error":{}}',
        b'{"error":{"code":"131056"}}',
        b'{"error":{"code":true}}',
        b'{"error":{"code":1.0}}',
        b'{"error":{"code":1,"code":2}}',
    ],
    ids=repr,
)
def test_what_is_no_graph_error_is_none(raw: bytes) -> None:
    assert read_error(raw) is None


def test_the_texts_of_an_error_are_not_shown() -> None:
    assert "6505551234" not in repr(GraphError(131030, "to +16505551234", "to +16505551234", None, False))


@given(st.binary(max_size=100))
def test_any_answer_is_read_or_none(raw: bytes) -> None:
    assert read_error(raw) is None
