"""The command line of the load test."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from loadtest.__main__ import app

RUN = CliRunner()


def test_help_names_the_campaign_and_its_options() -> None:
    assert "campaign" in RUN.invoke(app, ["--help"]).output
    told = RUN.invoke(app, ["campaign", "--help"], env={"COLUMNS": "200"})
    assert told.exit_code == 0
    assert all(f"--{option}" in told.output for option in ("recipients", "limit", "days", "scenario", "nodes", "json"))


@pytest.mark.parametrize(
    "arguments",
    [["--limit", "TIER_3"], ["--limit", "-2"], ["--scenario", "sunny"], ["--recipients", "0"], ["--nodes", "9"]],
    ids=" ".join,
)
def test_an_option_that_makes_no_sense_is_a_usage_error(arguments: list[str]) -> None:
    assert RUN.invoke(app, ["campaign", *arguments]).exit_code == 2
