"""A form stands for one JSON body, or for none."""

from __future__ import annotations

import json

import pytest

from tidegate.cloudapi.messages import BadMessage
from tidegate.edge.door.bodies import form_text, form_to_json


def test_values_that_are_json_become_such_and_others_stay_text():
    pairs = "to=%2B1&template=%7B%22name%22%3A%22a%22%7D&list=%5B1%5D&n=5&flag=true&empty=&plus=a+b"

    assert json.loads(form_to_json(pairs)) == {
        "to": "+1",
        "template": {"name": "a"},
        "list": [1],
        "n": "5",
        "flag": "true",
        "empty": "",
        "plus": "a b",
    }


@pytest.mark.parametrize(
    "pairs",
    [
        pytest.param("a=1&a=2", id="a field twice"),
        pytest.param("a=%7B", id="half of an object"),
        pytest.param("a=%7B%22x%22%3A1%2C%22x%22%3A2%7D", id="an object with a key twice"),
        pytest.param("a=%7B%7D%2C%22to%22%3A%221%22", id="an object and something more"),
        pytest.param("a=%FF", id="no UTF-8"),
        pytest.param("&".join(f"a{n}=" for n in range(201)), id="201 fields"),
    ],
)
def test_a_form_that_can_be_read_in_several_ways_is_refused(pairs):
    with pytest.raises(BadMessage):
        form_to_json(pairs)


def test_a_form_is_ascii():
    assert form_text(b"a=%C3%BC") == "a=%C3%BC"
    with pytest.raises(BadMessage):
        form_text("a=ü".encode())
