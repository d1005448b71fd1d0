"""Rate cards that stand in a file of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.settings.conftest import FaultFinder, Loader
from tidegate.errors import Fault
from tidegate.settings.rate_card_file import LARGEST_BYTES

CARD = b"""
[[rate_card]]
currency = "EUR"
[rate_card.markets.all]
prefixes = ["*"]
marketing = "0.1"
utility = "0.1"
authentication = "0.1"
"""
RULES = "[rules]"
BUDGET = '[rules.budget]\namount = "5"\nrate_card_file = "{}"\n[rules]'


def test_they_are_read_from_a_file_beside_the_configuration(loaded: Loader, tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_bytes(CARD)

    budget = loaded((RULES, BUDGET.format("prices.toml"))).rules.budget

    assert budget is not None
    assert (budget.currency, budget.rate_card[0].markets["all"].marketing_micros) == ("EUR", 100_000)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(None, "the file cannot be read: No such file or directory", id="no file"),
        pytest.param(b"#" * (LARGEST_BYTES + 1), f"the file is larger than {LARGEST_BYTES} bytes", id="a large one"),
        pytest.param(b"\xff", "the file is not UTF-8, so it is no TOML", id="one of bytes"),
        pytest.param(b"", "the file has to hold [[rate_card]] tables, and nothing else", id="an empty one"),
        pytest.param(
            b"x = 1" + CARD, "the file has to hold [[rate_card]] tables, and nothing else", id="one with more"
        ),
    ],
)
def test_a_file_that_holds_none(faults: FaultFinder, tmp_path: Path, content: bytes | None, problem: str) -> None:
    if content is not None:
        (tmp_path / "prices.toml").write_bytes(content)

    found = faults((RULES, BUDGET.format("prices.toml")))

    assert found == (Fault("rules.budget.rate_card_file", problem),)


def test_a_file_that_is_no_toml(faults: FaultFinder, tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text("currency: EUR")

    [fault] = faults((RULES, BUDGET.format("prices.toml")))

    assert fault.path == "rules.budget.rate_card_file"
    assert fault.problem.startswith("the file is no TOML: ")


@pytest.mark.parametrize("path", ["", "a\\u0000b"], ids=["an empty path", "a path that is none"])
def test_a_path_that_can_not_be_one(faults: FaultFinder, path: str) -> None:
    assert faults((RULES, BUDGET.format(path))) == (Fault("rules.budget.rate_card_file", "must be the path of a file"),)


def test_they_are_given_once(faults: FaultFinder, tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_bytes(CARD)
    twice = BUDGET.format("prices.toml").replace("[rules]", "rate_card = []\n[rules]")

    found = faults((RULES, twice))

    assert Fault("rules.budget.rate_card_file", "given twice: as rate_card and as rate_card_file") in found


def test_what_is_wrong_in_the_file_is_told_by_its_key(faults: FaultFinder, tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_bytes(CARD.replace(b"marketing", b"marketting"))

    found = faults((RULES, BUDGET.format("prices.toml")))

    assert {fault.path for fault in found} == {
        "rules.budget.rate_card[0].markets.all.marketing",
        "rules.budget.rate_card[0].markets.all.marketting",
    }
    assert {fault.nearest for fault in found} == {None, "rules.budget.rate_card[0].markets.all.marketing"}
