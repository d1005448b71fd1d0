"""The command line of the bench."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from loadtest.bench.__main__ import app

RUN = CliRunner()


def test_help_names_its_options() -> None:
    told = RUN.invoke(app, ["--help"], env={"COLUMNS": "200"})
    assert told.exit_code == 0
    assert all(f"--{option}" in told.output for option in ("quick", "only", "rounds", "out", "picture", "prove"))


@pytest.mark.parametrize(
    "arguments", [["--only", "speed"], ["--only", ""], ["--rounds", "0"], ["--seconds", "0"]], ids=" ".join
)
def test_an_option_that_makes_no_sense_is_a_usage_error(arguments: list[str]) -> None:
    assert RUN.invoke(app, arguments).exit_code == 2
