"""`python -m tests.badinput.schema`: requests made from a node's own description, right ones and wrong ones.

Schemathesis makes them, and holds every answer against the description: no fault, no status, content type or body that
it does not tell of. It is run as its users run it, on a node in a process of its own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.badinput.stage import Stage, a_stage
from tests.integration.edge.callers import OPERATOR

CHECKS: Final = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance"),
    *("response_headers_conformance", "ignored_auth"),
)
SECONDS: Final = 240


def described_calls(
    stage: Stage, examples: int, seed: int, *, phases: str = "examples,coverage,fuzzing", seconds: int = SECONDS
) -> tuple[int, str]:
    """Make so many calls of each operation, for so long at most; Schemathesis' exit code and what it printed."""
    command = [str(Path(sys.executable).with_name("schemathesis")), "run"]
    command += [f"http://127.0.0.1:{stage.port}/openapi.json", "--header", f"Authorization: Bearer {OPERATOR}"]
    # Its answer has no end: tests/integration/edge/test_events.py asks for it, rightly and wrongly.
    command += ["--exclude-path", "/gateway/v1/events"]
    command += ["--checks", ",".join(CHECKS), "--phases", phases, "--max-examples", str(examples)]
    command += [
        "--seed",
        str(seed),
        "--max-time",
        str(seconds),
        "--warnings",
        "off",
        "--no-color",
        "--continue-on-failure",
    ]
    with TemporaryDirectory() as directory:
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=seconds + 60, check=False)
    return done.returncode, done.stdout + done.stderr


def main(arguments: Sequence[str]) -> int:
    """Run, print, and tell by the exit code whether all was well."""
    parser = argparse.ArgumentParser(prog="python -m tests.badinput.schema", description=__doc__)
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    with a_stage(clock=False) as stage:
        code, told = described_calls(stage, chosen.examples, chosen.seed)
        stage.left()
        stage.check_log()
        assert stage.is_ready(), "the node is not ready"
    print(told)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
