"""The command as a process: exit codes, and what stands on its two outputs."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tidegate import __version__

EXAMPLE = Path(__file__).parents[3] / "tidegate.example.toml"


def run(*arguments: str | Path, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """`tidegate` with these arguments, in a process of its own with no TIDEGATE_ variable but the given."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    source = str(Path(__file__).parents[3] / "src")
    return subprocess.run(
        [sys.executable, "-m", "tidegate", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**inherited, "PYTHONPATH": source, **(environ or {})},
        check=False,
    )


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    """The example with three things wrong."""
    file = tmp_path / "faulty.toml"
    text = EXAMPLE.read_text().replace("headroom", "headrom").replace("workers = 1", "workers = 0")
    file.write_text(text.replace('interval = "5m"', 'interval = "soon"'))
    return file


def test_check_exits_0_for_a_good_file() -> None:
    done = run("check", "--config", EXAMPLE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "good (portfolios 1, numbers 1, apps 1, rules " in done.stdout


def test_check_exits_78_and_names_every_fault_and_the_nearest_key(faulty: Path) -> None:
    done = run("check", "--config", faulty)
    assert done.returncode == 78
    assert done.stdout.splitlines() == [
        "server.workers: must be greater than or equal to 1",
        "rules.headrom: unknown key; did you mean rules.headroom?",
        'poll.interval: must be a duration such as "90s", "10m", "24h", "7d", or a number of seconds',
    ]


def test_check_answers_in_json(faulty: Path) -> None:
    bad, good = run("check", "--config", faulty, "--json"), run("check", "--config", EXAMPLE, "--json")
    assert (bad.returncode, good.returncode) == (78, 0)
    answer = json.loads(bad.stdout)
    assert answer["ok"] is False
    assert {"path": "rules.headrom", "problem": "unknown key", "nearest": "rules.headroom"} in answer["faults"]
    assert len(answer["faults"]) == 3
    answer = json.loads(good.stdout)
    assert (answer["ok"], answer["faults"], answer["numbers"]) == (True, [], 1)


def test_check_sees_what_the_environment_overrides() -> None:
    done = run("check", "--config", EXAMPLE, environ={"TIDEGATE_SERVER__LISEN": "x"})
    assert done.returncode == 78
    assert done.stdout == "TIDEGATE_SERVER__LISEN: unknown key; did you mean server.listen?\n"


def test_check_exits_78_for_a_file_that_is_not_there(tmp_path: Path) -> None:
    done = run("check", "--config", tmp_path / "nowhere.toml")
    assert done.returncode == 78
    assert "No such file" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["check"], id="an option missing"),
        pytest.param(["check", "--config", "x", "--jsonn"], id="an unknown option"),
        pytest.param(["frobnicate"], id="an unknown command"),
        pytest.param(["keys", "create", "--app", "two words"], id="an app's name that no configuration takes"),
        pytest.param(["keys"], id="a group without a command"),
    ],
)
def test_a_command_line_that_is_not_understood_exits_2(arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "") or "Usage" in done.stdout + done.stderr
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_keys_create_prints_the_key_and_the_line_of_its_hash() -> None:
    done = run("keys", "create", "--app", "checkout")
    assert done.returncode == 0
    key, line = done.stdout.splitlines()
    assert re.fullmatch(r"tg_[A-Za-z0-9_-]{43}", key)
    assert line == f'key_sha256 = "{hashlib.sha256(key.encode()).hexdigest()}"'
    assert key not in done.stderr


def test_keys_create_answers_in_json_and_never_twice_the_same() -> None:
    first, second = (json.loads(run("keys", "create", "--app", "a", "--json").stdout) for _ in range(2))
    assert first["key_sha256"] == hashlib.sha256(first["key"].encode()).hexdigest()
    assert first["key"] != second["key"]


def test_version_is_printed() -> None:
    assert run("--version").stdout == f"tidegate {__version__}\n"


def test_serve_does_not_start_without_the_parser_in_c_and_check_says_so_before() -> None:
    environ = {"AIOHTTP_NO_EXTENSIONS": "1"}
    served = run("serve", "--config", EXAMPLE, environ=environ)
    checked = run("check", "--config", EXAMPLE, "--json", environ=environ)

    assert (served.returncode, served.stdout) == (1, "")
    assert served.stderr.startswith("tidegate: aiohttp runs without its HTTP parser in C: install aiohttp from a wheel")
    assert len(served.stderr.splitlines()) == 1
    answer = json.loads(checked.stdout)
    assert (checked.returncode, answer["ok"], len(answer["warnings"])) == (0, True, 1)
    assert answer["warnings"][0] in checked.stderr
