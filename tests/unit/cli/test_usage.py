"""Command lines that can't be meant: exit code 2, a line that says why, and nothing asked of any node."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner, Result

from tidegate.cli import app

#: Nobody listens there: a command that asked all the same would exit 1.
NOWHERE = {"TIDEGATE_URL": "http://127.0.0.1:1", "TIDEGATE_KEY": "tg_a-key"}


def run(*words: str, environ: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(app, list(words), env={**NOWHERE, **(environ or {})})


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(["pause", "--reason", "x"], "give one scope", id="a pause of nothing"),
        pytest.param(
            ["pause", "--reason", "x", "--number", "1", "--category", "marketing"],
            "give one scope",
            id="a pause of two scopes",
        ),
        pytest.param(["pause", "--number", "1"], "--reason", id="a pause without a reason"),
        pytest.param(
            ["pause", "--reason", "x", "--number", "1", "--for", "soon"], "must be a duration", id="a pause for soon"
        ),
        pytest.param(["resume"], "ID", id="an end of no pause"),
        pytest.param(["explain"], "MESSAGE_ID", id="an explanation of no message"),
        pytest.param(["watch", "--every", "often"], "must be a duration", id="a look that is not timed"),
        pytest.param(["kpis", "--from", "yesterday"], "has to be a date", id="a day that is no date"),
        pytest.param(["kpis", "--csv", "--json"], "two answers", id="two answers at once"),
        pytest.param(["demo", "--for", "ever"], "must be a duration", id="a demo for ever"),
        pytest.param(["demo", "--port", "70000"], "--port", id="a port that there is not"),
        pytest.param(["simulate"], "--listen", id="a simulator that listens nowhere"),
        pytest.param(
            ["simulate", "--listen", "127.0.0.1:0", "--scenario", "sunny"],
            "must be one of calm",
            id="a scenario that there is not",
        ),
    ],
)
def test_a_command_line_that_cannot_be_meant_exits_2(words: list[str], told: str) -> None:
    done = run(*words)
    assert done.exit_code == 2
    assert told in " ".join(done.output.split())


@pytest.mark.parametrize(
    "words",
    [
        ["capacity"],
        ["status"],
        ["queue"],
        ["kpis"],
        ["pause", "--reason", "x", "--number", "1"],
        ["resume", "p"],
        ["explain", "m"],
        ["watch"],
    ],
    ids=lambda words: words[0],
)
def test_a_client_without_a_key_exits_2_and_names_the_variable(words: list[str]) -> None:
    done = run(*words, environ={"TIDEGATE_KEY": ""})
    assert done.exit_code == 2
    assert "TIDEGATE_KEY" in done.output


def test_an_address_that_cannot_be_listened_on_is_a_fault() -> None:
    done = run("simulate", "--listen", "nowhere")
    assert done.exit_code == 1
    assert "an address to listen on is host:port" in str(done.exception)
