"""How a fault that no command caught ends the process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from tidegate import cli
from tidegate.errors import BadConfiguration, Fault, StoreUnavailable, TidegateError


@pytest.mark.parametrize(
    ("fault", "code", "told"),
    [
        pytest.param(
            BadConfiguration((Fault("a", "x"), Fault("b", "y", "c"))),
            78,
            "tidegate: a: x\ntidegate: b: y; did you mean c?\n",
            id="a bad configuration",
        ),
        pytest.param(
            StoreUnavailable("the store does not answer"),
            1,
            "tidegate: the store does not answer\n",
            id="a store that does not answer",
        ),
    ],
)
def test_a_fault_is_a_line_and_a_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fault: TidegateError,
    code: int,
    told: str,
) -> None:
    failing = typer.Typer()

    @failing.command()
    def fail() -> None:
        raise fault

    monkeypatch.setattr(cli, "app", failing)
    with pytest.raises(SystemExit) as ended:
        cli.main([])
    assert ended.value.code == code
    assert capsys.readouterr().err == told


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([name, "--help"])
    assert ended.value.code == 0
    assert f"Usage: tidegate {name}" in capsys.readouterr().out


def test_a_command_imports_no_other() -> None:
    program = (
        "import sys\nfrom tidegate import cli\n"
        "try: cli.main(['--version'])\nexcept SystemExit: pass\n"
        "print([name for name in ('pydantic', 'aiohttp', 'redis', 'rich') if name in sys.modules])"
    )
    environ = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True, env=environ
    )
    assert done.stdout.splitlines()[-1] == "[]"
