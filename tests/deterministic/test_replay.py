"""A seed is a run: the same steps each time, in this process and in any other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deterministic.run import run_seed

pytestmark = pytest.mark.impatient

ROOT = Path(__file__).parents[2]


def test_a_seed_takes_the_same_steps_in_another_process() -> None:
    here = run_seed(5, "cut short").digest
    command = [sys.executable, "-m", "tests.deterministic", "--replay", "5", "--profile", "cut short"]
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    told = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": path}, capture_output=True, check=True)
    assert told.stdout.decode().split()[0] == here


def test_another_seed_takes_other_steps() -> None:
    assert run_seed(1, "calm").digest != run_seed(2, "calm").digest
