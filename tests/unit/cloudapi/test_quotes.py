"""Ids of other messages in a body: where they stand, and how they are exchanged."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate.cloudapi.quotes import quoted, requoted


@pytest.mark.parametrize(
    ("body", "found"),
    [
        pytest.param({"type": "text", "text": {"message_id": "a"}}, [], id="a message that names none"),
        pytest.param({"context": {"message_id": "a"}}, [("context.message_id", "a")], id="an answer"),
        pytest.param({"reaction": {"message_id": "a"}}, [("reaction.message_id", "a")], id="a reaction"),
        pytest.param({"status": "read", "message_id": "a"}, [("message_id", "a")], id="a read receipt"),
        pytest.param(
            {"reaction": {"message_id": "a"}, "context": {"message_id": "b"}},
            [("context.message_id", "b"), ("reaction.message_id", "a")],
            id="a reaction that is an answer too",
        ),
        pytest.param({"message_id": 7, "context": {"message_id": ["a"]}}, [], id="what is no text is no id"),
        pytest.param({"context": "a", "reaction": None}, [], id="what holds nothing"),
    ],
)
def test_every_message_that_is_named_is_found_with_its_path(body: dict[str, Any], found: list[tuple[str, str]]) -> None:
    assert list(quoted(body)) == found


def test_only_the_ids_at_these_paths_are_exchanged_and_in_a_new_body() -> None:
    body = {"message_id": "a", "context": {"message_id": "b", "x": 1}, "reaction": {"message_id": "c", "emoji": "d"}}
    before = {name: dict(held) if isinstance(held, dict) else held for name, held in body.items()}

    told = requoted(body, {"message_id": "A", "reaction.message_id": "C"})

    assert told == {
        "message_id": "A",
        "context": {"message_id": "b", "x": 1},
        "reaction": {"message_id": "C", "emoji": "d"},
    }
    assert body == before
