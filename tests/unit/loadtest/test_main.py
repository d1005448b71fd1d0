"""The command line of the load test."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from loadtest.__main__ import app

RUN = CliRunner()


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("campaign", ("recipients", "limit", "days", "scenario", "steps", "foreign", "codes-per-second", "live")),
        ("sends", ("recipients", "limit", "days", "scenario", "nodes", "json")),
    ],
)
def test_help_names_a_command_and_its_options(command: str, options: tuple[str, ...]) -> None:
    assert command in RUN.invoke(app, ["--help"]).output
    told = RUN.invoke(app, [command, "--help"], env={"COLUMNS": "200"})
    assert told.exit_code == 0
    assert all(f"--{option}" in told.output for option in options)


@pytest.mark.parametrize(
    "arguments",
    [
        ["campaign", "--limit", "TIER_3"],
        ["campaign", "--limit", "-2"],
        ["campaign", "--scenario", "sunny"],
        ["campaign", "--recipients", "0"],
        ["campaign", "--steps", "0.1,all"],
        ["campaign", "--from-step", "2"],
        ["campaign", "--live", "http://127.0.0.1:9"],
        ["campaign", "--live", "http://127.0.0.1:9", "--key", "tg_x", "--platform", "http://127.0.0.1:9", "--prove"],
        ["sends", "--nodes", "9"],
    ],
    ids=" ".join,
)
def test_an_option_that_makes_no_sense_is_a_usage_error(arguments: list[str]) -> None:
    assert RUN.invoke(app, arguments).exit_code == 2
