"""Cells: what figures are kept for, and what can be told of each."""

from __future__ import annotations

import pytest

from tidegate.policy.kpi.cells import REST, By, Cell, Kind, cell_of, template_of


def test_a_cell_is_known_by_what_the_store_calls_it() -> None:
    cell = cell_of(Kind.TEMPLATE, "1065:102290:en_US:seasonal_offer")

    assert cell == Cell(Kind.TEMPLATE, "1065", "102290:en_US:seasonal_offer")
    assert cell.key == "template:1065:102290:en_US:seasonal_offer"
    assert template_of(cell.name) == ("102290", "en_US", "seasonal_offer")


def test_the_rest_is_no_template() -> None:
    assert template_of(cell_of(Kind.TEMPLATE, f"1065:{REST}").name) is None


@pytest.mark.parametrize(
    ("by", "kind", "waits", "questions", "templates"),
    [
        (By.DAY, Kind.NUMBER, True, True, True),
        (By.NUMBER, Kind.NUMBER, True, True, False),
        (By.APP, Kind.APP, True, False, False),
        (By.TEMPLATE, Kind.TEMPLATE, False, False, True),
        (By.CAMPAIGN, Kind.CAMPAIGN, False, False, False),
    ],
)
def test_what_a_row_can_tell(by: By, kind: Kind, waits: bool, questions: bool, templates: bool) -> None:
    assert (by.kind, by.tells_waits, by.tells_questions, by.tells_templates) == (kind, waits, questions, templates)
