"""`tidegate campaign plan`: what it can not ask for. What it tells: tests/integration/edge/test_plan.py."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from tidegate.cli.campaign import app

NOWHERE = {"TIDEGATE_URL": "http://127.0.0.1:9", "TIDEGATE_KEY": "tg_a-key"}


@pytest.mark.parametrize(
    ("arguments", "said", "why"),
    [
        pytest.param(["--zone", "Asia/Tokyo"], None, "write it as Asia/Tokyo=0.5", id="a zone without a share"),
        pytest.param(["no-such-file.json"], None, "No such file", id="no file"),
        pytest.param(["-"], "nonsense", "is no JSON", id="no JSON"),
        pytest.param(["-"], "[]", "has to be a JSON object", id="no object"),
    ],
)
def test_a_question_that_can_not_be_asked_exits_2(arguments: list[str], said: str | None, why: str) -> None:
    done = CliRunner().invoke(app, ["plan", *arguments], input=said, env=NOWHERE)

    assert done.exit_code == 2
    assert why in done.output
