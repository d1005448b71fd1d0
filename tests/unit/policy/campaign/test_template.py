"""Templates with holes: read once, filled for each row."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tidegate.cloudapi.messages import RecipientKind, TemplateRef
from tidegate.policy.campaign.template import TemplateText

OFFER: dict[str, Any] = {
    "name": "offer",
    "language": {"code": "en_US"},
    "components": [
        {"type": "header", "parameters": [{"type": "image", "image": {"link": "https://x.example/{{sku}}.png"}}]},
        {"type": "body", "parameters": [{"type": "text", "text": "Hi {{ first_name }}, {{sku}} for {{first_name}}"}]},
        {"type": "button", "sub_type": "url", "index": 0, "parameters": [{"type": "text", "text": "{{code-2}}"}]},
    ],
}
ANN = {"first_name": "Ann", "sku": "A1", "code-2": "Z", "not_asked_for": "x"}


def test_columns_are_told_once_each_in_the_order_of_their_first_use() -> None:
    text = TemplateText.of(OFFER)
    assert text.ref == TemplateRef("offer", "en_US")
    assert text.columns == ("sku", "first_name", "code-2")


def test_every_hole_is_filled_and_nothing_else_is_touched() -> None:
    before = copy.deepcopy(OFFER)
    filled = TemplateText.of(OFFER).filled(ANN)
    assert filled["components"] == [
        {"type": "header", "parameters": [{"type": "image", "image": {"link": "https://x.example/A1.png"}}]},
        {"type": "body", "parameters": [{"type": "text", "text": "Hi Ann, A1 for Ann"}]},
        {"type": "button", "sub_type": "url", "index": 0, "parameters": [{"type": "text", "text": "Z"}]},
    ]
    assert (filled["name"], filled["language"]) == ("offer", {"code": "en_US"})
    assert before == OFFER


@pytest.mark.parametrize("value", ["{{sku}}", "\\1", "}} {{", ""], ids=["a hole", "a group", "braces", "nothing"])
def test_what_fills_a_hole_is_text_and_no_pattern(value: str) -> None:
    filled = TemplateText.of(OFFER).filled(ANN | {"first_name": value})
    assert filled["components"][1]["parameters"][0]["text"] == f"Hi {value}, A1 for {value}"


def test_a_column_that_the_row_has_not_is_a_fault() -> None:
    with pytest.raises(KeyError, match="code-2"):
        TemplateText.of(OFFER).filled({"first_name": "Ann", "sku": "A1"})


@pytest.mark.parametrize(
    ("kind", "to", "whom"),
    [
        pytest.param(RecipientKind.PHONE, "15550001", {"to": "+15550001"}, id="to a phone, with its plus"),
        pytest.param(RecipientKind.BSUID, "US.1a", {"recipient": "US.1a"}, id="to a business-scoped user id"),
    ],
)
def test_a_row_becomes_the_body_of_a_send(kind: RecipientKind, to: str, whom: dict[str, str]) -> None:
    text = TemplateText.of(OFFER)
    expected = {"messaging_product": "whatsapp", "type": "template", "template": text.filled(ANN)} | whom
    assert text.message(kind, to, ANN) == expected


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param("offer", "template", id="no object"),
        pytest.param({}, "template.name", id="no name"),
        pytest.param({"name": "offer"}, "template.language", id="no language"),
        pytest.param({"name": "offer", "language": {}}, "template.language.code", id="no code of the language"),
        pytest.param(OFFER | {"name": "{{x}}"}, "same for everybody", id="a hole in the name"),
        pytest.param(OFFER | {"language": {"code": "{{x}}"}}, "same for everybody", id="a hole in the language"),
        pytest.param(OFFER | {"components": {}}, "template.components", id="components that are no list"),
        pytest.param(OFFER | {"components": ["{{}}"]}, "name a column", id="a hole without a name"),
        pytest.param(OFFER | {"components": ["{{1}}"]}, "name a column", id="a hole with a number"),
        pytest.param(OFFER | {"components": [f"{{{{c{n}}}}}" for n in range(65)]}, "64 columns", id="65 columns"),
    ],
)
def test_what_is_no_template_is_said_without_repeating_it(given: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says) as told:
        TemplateText.of(given)
    assert "offer" not in str(told.value)


def test_64_columns_are_not_too_many() -> None:
    assert len(TemplateText.of(OFFER | {"components": [f"{{{{c{n}}}}}" for n in range(64)]}).columns) == 64
