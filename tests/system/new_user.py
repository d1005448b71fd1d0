"""A new user's path, as docs/quickstart.md has it: every block is run as it stands, and each step is timed.

    python -m tests.system.new_user              # from a fresh venv on; needs the network, or pip's cache
    python -m tests.system.new_user --installed  # with the tidegate that runs this

Exits 1 at the first step that does not do what the page says.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.ports import free_port

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs/quickstart.md"
#: Pages name these; where others run beside, other ports are free.
PORTS: Final = ("8080", "9090")
_PATIENCE_S: Final = 120
_INSTALL_S: Final = 600


def blocks(page: Path = PAGE) -> dict[str, str]:
    """The blocks of a page that are marked to be run: name -> text."""
    found = re.findall(r"<!-- run: (\w+) -->\n *```\w+\n(.*?)^ *```", page.read_text(), re.DOTALL | re.MULTILINE)
    return {name: textwrap.dedent(text) for name, text in found}


@dataclass
class Walk:
    """One walk through the page, in a directory of its own. `took_s`: step -> seconds."""

    directory: Path
    bin: Path
    ports: dict[str, str]
    took_s: dict[str, float] = field(default_factory=dict)
    key: str = field(default="", repr=False)

    def text(self, name: str) -> str:
        """A block, with ports that are free."""
        text = blocks()[name]
        for named, free in self.ports.items():
            text = text.replace(f":{named}", f":{free}")
        return text

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['8080']}"

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
        known = {"TIDEGATE_URL": self.url, "TIDEGATE_KEY": self.key} if self.key else {}
        return {**kept, **known, "PATH": f"{self.bin}:{kept['PATH']}"}

    def run(self, name: str) -> str:
        """Run a block in bash, each command of it having to succeed; what it printed."""
        return self.command(name, ["bash", "-e", "-o", "pipefail", "-c", self.text(name)])

    def command(self, name: str, words: list[str], timeout_s: float = _PATIENCE_S) -> str:
        began_s = time.perf_counter()
        done = subprocess.run(
            words,
            cwd=self.directory,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        self.took_s[name] = time.perf_counter() - began_s
        if done.returncode != 0:
            raise AssertionError(f"{name} exits {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    @contextmanager
    def running(self, name: str, ready: Callable[[], bool]) -> Iterator[None]:
        """A block that runs until it is ended; entered once it is ready."""
        began_s = time.perf_counter()
        log = self.directory / f"{name}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                ["bash", "-c", "exec " + self.text(name).strip()],
                cwd=self.directory,
                env=self.environment(),
                stdout=out,
                stderr=out,
            )
        try:
            while not ready():
                if process.poll() is not None or time.perf_counter() - began_s > _PATIENCE_S:
                    raise AssertionError(f"{name} is not ready:\n{log.read_text()}")
                time.sleep(0.05)
            self.took_s[name] = time.perf_counter() - began_s
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)

    def answers(self, path: str, port: str = "8080") -> bool:
        """Whether somebody says 200 there."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[port]}{path}", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return False

    def seen_on_the_dashboard(self, message_id: str) -> str:
        """What the dashboard's search shows of a message to whoever signs in with the key."""
        began_s = time.perf_counter()
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        form = urllib.parse.urlencode({"key": self.key}).encode()
        signing_in = urllib.request.Request(f"{self.url}/dashboard/login", form, {"Origin": self.url})
        with opener.open(signing_in, timeout=20) as answer:
            answer.read()
        query = urllib.parse.urlencode({"id": message_id})
        with opener.open(f"{self.url}/dashboard/messages?{query}", timeout=20) as answer:
            shown: str = answer.read().decode()
        self.took_s["dashboard"] = time.perf_counter() - began_s
        return shown


def has(told: str, part: str) -> None:
    """Raises AssertionError, with all of it, where a part is missing."""
    if part not in told:
        raise AssertionError(f"{part.strip()!r} is not in\n{told}")


def walk(path: Walk) -> dict[str, float]:
    """Do what the page says, and look whether it is as the page says; seconds by step. Raises AssertionError."""
    with ExitStack() as ends:
        has(path.run("configure"), "good (")
        path.key = (path.directory / "checkout.key").read_text().strip()
        ends.enter_context(path.running("simulate", lambda: path.answers("/_sim/state", "9090")))
        has(path.run("doctor"), "\n0 broken, ")
        ends.enter_context(path.running("serve", lambda: path.answers("/readyz")))
        sent = path.run("send")
        has(sent, "Tidegate-Verdict: send")
        wamid = re.search(r'"id":"(wamid\.[^"]+)"', sent)
        assert wamid is not None, sent
        by_pywa = path.command("pywa", ["python", "-c", path.text("pywa")]).strip()
        has(by_pywa, "wamid.")
        has(path.run("see"), "2 of 2,000 places used")
        for message_id in (wamid[1], by_pywa):
            shown = path.seen_on_the_dashboard(message_id)
            has(shown, message_id)
            has(shown, "order_confirmation")
        has(path.command("explain", ["tidegate", "explain", by_pywa]), "order_confirmation")
    return path.took_s


def fresh(directory: Path) -> tuple[Path, dict[str, float]]:
    """A venv with the repository installed as the page says, and pywa; its bin, and seconds by step."""
    venv = directory / ".venv"
    path = Walk(directory, Path(sys.executable).parent, {})
    path.command("venv", [sys.executable, "-m", "venv", str(venv)])
    path.command("install", [str(venv / "bin/pip"), "install", "--quiet", str(ROOT)], _INSTALL_S)
    path.command("install pywa", [str(venv / "bin/pip"), "install", "--quiet", "pywa"], _INSTALL_S)
    return venv / "bin", path.took_s


def shim(directory: Path) -> Path:
    """A directory with the `tidegate` and the `python` of the interpreter that runs this."""
    made = directory / "bin"
    made.mkdir()
    source = f'PYTHONPATH="{ROOT / "src"}" exec "{sys.executable}"'
    for name, words in (("tidegate", " -m tidegate"), ("python", "")):
        (made / name).write_text(f'#!/bin/sh\n{source}{words} "$@"\n')
        (made / name).chmod(0o755)
    return made


def main() -> int:
    """Walk the path and print how long each step took."""
    parser = argparse.ArgumentParser(description="A new user's path, timed.")
    parser.add_argument("--installed", action="store_true", help="without a venv of its own")
    installed = parser.parse_args().installed
    with tempfile.TemporaryDirectory(prefix="new-user-") as name:
        directory = Path(name)
        try:
            programs, took_s = (shim(directory), {}) if installed else fresh(directory)
            took_s |= walk(Walk(directory, programs, {port: str(free_port()) for port in PORTS}))
        except AssertionError as stumbled:
            print(stumbled, file=sys.stderr)
            return 1
    for step, seconds in took_s.items():
        print(f"{step:14} {seconds:6.1f} s")
    print(f"{'all':14} {sum(took_s.values()):6.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
