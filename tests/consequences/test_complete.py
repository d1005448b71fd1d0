"""No consequence and no code without an entry; and the page of guardrails says what the tables say."""

from __future__ import annotations

import re
from pathlib import Path

from tests.consequences import test_guarantees, test_paces
from tests.consequences.codes import HARMLESS, RESTING, STOPPING
from tests.consequences.rows import TOLD
from tests.consequences.test_paces import SLOWING
from tidegate.cloudapi.error_codes import _RANGES, CODES
from tidegate.policy.consequences.defaults import DEFAULTS

ENTRIES = (*STOPPING, *TOLD)
PAGE = Path(__file__).parents[2] / "docs" / "guardrails.md"

#: Consequences that are no stop: the tests that tell them.
STORIES = {
    "C1": test_guarantees.test_a_full_limit_stops_new_recipients_and_opens_as_places_come_free,
    "C2": test_paces.test_it_slows_what_it_concerns_and_nothing_else,
    "C5": test_paces.test_it_slows_what_it_concerns_and_nothing_else,
    "C10": test_paces.test_it_slows_what_it_concerns_and_nothing_else,
    "C17": test_guarantees.test_while_utility_is_restricted_it_is_judged_as_marketing,
    "C22": test_guarantees.test_a_limit_of_calls_rests_the_reads_and_stops_no_send,
}
CONSEQUENCES = [f"C{number}" for number in range(1, 24)]


def test_every_consequence_has_an_entry_or_a_story() -> None:
    rows = {entry.row for entry in ENTRIES if entry.row}

    assert rows | set(STORIES) == set(CONSEQUENCES)
    assert {slowing.row for slowing in SLOWING if slowing.row} <= set(STORIES)


def test_every_error_code_has_an_entry_and_every_range_its_first_and_last() -> None:
    told = {code for entry in ENTRIES for code in entry.codes} | {*RESTING, *HARMLESS}
    told |= {code for slowing in SLOWING for code in slowing.codes}

    assert set(CODES) <= told
    assert {end for codes, _ in _RANGES for end in (codes[0], codes[-1])} <= told


def test_every_default_rule_is_shown_but_those_of_early_warning() -> None:
    shown = {entry.rule for entry in ENTRIES} | {slowing.rule for slowing in SLOWING} | {"management_calls"}
    elsewhere = {id_ for id_, rule in DEFAULTS.items() if all(name.startswith("warning.") for name in rule.on)}
    # What is done once leaves no breaker to name: consent, and a closed window.
    elsewhere |= {"opt_out", "opt_in", "window_closed", "utility_reclassified"}

    assert set(DEFAULTS) == (shown - {""}) | elsewhere


def test_the_page_of_guardrails_has_each_consequence_with_the_rules_that_were_shown() -> None:
    section = PAGE.read_text().partition("### What Meta does, and what follows")[2].partition("\n## ")[0]
    lines = [line.strip("|").split("|") for line in section.splitlines() if re.match(r"\| C[0-9]", line)]
    documented = {cells[0].strip(): set(re.findall(r"`([a-z_]+)`", cells[2])) for cells in lines}

    assert list(documented) == CONSEQUENCES
    for row, rules in documented.items():
        shown = {entry.rule for entry in ENTRIES if entry.row == row and entry.rule}
        shown |= {slowing.rule for slowing in SLOWING if slowing.row == row}
        assert shown <= rules <= set(DEFAULTS), row
