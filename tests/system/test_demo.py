"""`tidegate demo` as a process, and every thin client against its node."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tidegate.cli import main

ROOT = Path(__file__).parents[2]
KEY = "tg_demo-only"
NUMBER = "106540352242922"


@dataclass
class Demo:
    """A running demo, with what it printed when it was ready."""

    process: subprocess.Popen[str]
    printed: str
    url: str
    temporary: Path

    def curls(self) -> list[list[str]]:
        """The words of each `curl` that it printed."""
        joined = self.printed.replace("\\\n", " ")
        return [shlex.split(line) for line in joined.splitlines() if line.strip().startswith("curl ")]

    def run(self, *words: str, key: str = KEY) -> subprocess.CompletedProcess[str]:
        """A thin client of it, in this process: to start one takes longer than all that it does."""
        raw, errors = io.BytesIO(), io.StringIO()
        out = io.TextIOWrapper(raw, encoding="utf-8")
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(errors):
            patch.setenv("TIDEGATE_URL", self.url)
            patch.setenv("TIDEGATE_KEY", key)
            with pytest.raises(SystemExit) as ended:
                main(words)
        out.flush()
        printed = raw.getvalue().decode()
        return subprocess.CompletedProcess(words, int(ended.value.code or 0), printed, errors.getvalue())

    def asked(self, *words: str) -> Any:
        """What a thin client answers with `--json`."""
        done = self.run(*words, "--json")
        assert done.stderr == ""
        return json.loads(done.stdout)


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    return {**kept, "PYTHONPATH": str(Path(__file__).parents[2] / "src"), **more}


def tidegate(*words: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tidegate", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment(**environ),
    )


def start(temporary: Path, *words: str) -> Demo:
    """Start a demo and read what it prints until its last invitation."""
    temporary.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "tidegate", "demo", "--port", "0", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(TMPDIR=str(temporary)),
    )
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if "/_sim/limit" in line:
            break
    found = re.search(r"^gateway +(http://\S+)", printed, re.MULTILINE)
    assert found is not None, printed
    return Demo(process, printed, found[1], temporary)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One demo for all tests of this file; a socket's path must be short, so its place is below /tmp."""
    made = start(tmp_path_factory.mktemp("demo"), "--no-view", "--for", "10m")
    yield made
    made.process.send_signal(signal.SIGTERM)
    made.process.communicate(timeout=40)


def call(words: list[str]) -> tuple[int, Any]:
    """Do what a `curl` does that has an address, -H and -d."""
    url, headers, body = words[1], {}, None
    for flag, value in zip(words[2::2], words[3::2], strict=True):
        if flag == "-H":
            name, _, text = value.partition(": ")
            headers[name] = text
        else:
            assert flag == "-d"
            body = value.encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=20) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_the_printed_curls_work_as_they_stand(demo: Demo) -> None:
    send, capacity, raised = demo.curls()
    status, body = call(send)
    assert (status, len(body["messages"])) == (200, 1)
    status, body = call(capacity)
    assert (status, body["portfolio"], body["messaging_limit"]) == (200, "lucky-shrub", 250)
    assert raised[1].endswith("/_sim/limit")


def test_the_dashboard_is_where_it_says_and_opens_with_the_key_that_it_says(demo: Demo) -> None:
    found = re.search(r"^dashboard +(\S+) +\(sign in with the key (\S+)\)$", demo.printed, re.MULTILINE)
    assert found is not None
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    with opener.open(f"{found[1]}/login", urllib.parse.urlencode({"key": found[2]}).encode(), timeout=20) as page:
        assert page.url == found[1]
        assert "lucky-shrub" in page.read().decode()


def blocks(page: Path) -> list[str]:
    """The blocks of a page that are to be typed into a terminal."""
    return re.findall(r"^```console\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def typed(demo: Demo, block: str) -> str:
    """What a block prints when it is typed as it stands, at the demo's port."""
    done = subprocess.run(
        ["bash", "-e", "-c", block.replace("http://127.0.0.1:8080", demo.url)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=environment(TIDEGATE_URL=demo.url, TIDEGATE_KEY=KEY),
    )
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not here")
def test_the_readmes_curl_works_as_it_stands(demo: Demo) -> None:
    (send,) = [block for block in blocks(ROOT / "README.md") if block.startswith("curl http://127.0.0.1:8080/v")]
    assert len(json.loads(typed(demo, send))["messages"]) == 1


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not here")
def test_the_curl_of_the_runbook_for_a_fall_works_as_it_stands(demo: Demo) -> None:
    (asked,) = [block for block in blocks(ROOT / "docs/runbooks.md") if "/gateway/v1/quality" in block]
    changes = json.loads(typed(demo, asked))["changes"]
    assert any(change["key"].endswith(":winback") for change in changes)


def test_capacity_is_what_the_control_plane_says(demo: Demo) -> None:
    assert demo.asked("capacity", "lucky-shrub")["headroom"] == 13
    (every,) = demo.asked("capacity")
    assert every["portfolio"] == "lucky-shrub"
    table = demo.run("capacity")
    assert table.returncode == 0
    assert "authentication" in table.stdout
    assert "13 kept as headroom" in table.stdout


def test_status_shows_the_template_that_is_in_trouble(demo: Demo) -> None:
    done = demo.run("status")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"winback .* PAUSED", done.stdout)
    assert "order_confirmation" not in done.stdout
    assert "order_confirmation" in demo.run("status", "--templates").stdout


def test_kpis_are_told_as_a_table_and_as_files(demo: Demo) -> None:
    found = demo.asked("kpis", "--by", "number")
    assert sum(row["sent"] for row in found["rows"]) == found["total"]["sent"]
    table = demo.run("kpis", "--from", "2026-11-01", "--to", "2026-11-02")
    assert table.returncode == 0
    assert [day in table.stdout for day in ("2026-11-01", "2026-11-02", "all")] == [True] * 3
    assert demo.run("kpis", "--by", "app", "--csv").stdout.startswith("app,sent,delivered,read,")


def test_queue_lists_what_waits(demo: Demo) -> None:
    lanes = {lane["category"] for lane in demo.asked("queue")["lanes"]}
    assert lanes == {"authentication", "utility", "marketing"}
    assert demo.run("queue").returncode == 0


def test_a_pause_holds_its_scope_and_its_end_lets_go(demo: Demo) -> None:
    made = demo.asked("pause", "--template", "order_confirmation", "--reason", "a test", "--for", "10m")
    status, body = call([*demo.curls()[0]])
    assert (status, body["tidegate"]["reason"]) == (200, "paused_by_operator")
    explained = demo.run("explain", body["messages"][0]["id"])
    assert "utility template order_confirmation/en_US, of app demo by number" in explained.stdout
    assert "it waits, and goes by itself as soon as it may" in explained.stdout
    assert "because of paused_by_operator, until 20" in explained.stdout
    assert re.search(r"^operator_pause +enforce +paused_by_operator .*a test", explained.stdout, re.MULTILINE)
    assert made["id"] in demo.run("status").stdout
    assert demo.run("resume", made["id"]).stdout == f"pause {made['id']} has ended\n"
    again = demo.run("resume", made["id"])
    assert (again.returncode, again.stderr) == (1, "tidegate: no such pause (not_found)\n")


def test_a_problem_is_json_too_when_json_is_asked_for(demo: Demo) -> None:
    done = demo.run("explain", "nothing", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    assert json.loads(done.stdout)["code"] == "not_found"


def test_a_wrong_key_is_a_line_and_shown_nowhere(demo: Demo) -> None:
    done = demo.run("status", key="tg_of-nobody")
    assert done.returncode == 1
    assert done.stderr.startswith("tidegate: ")
    assert "tg_of-nobody" not in done.stderr + done.stdout


def test_watch_ends_when_it_was_told_to(demo: Demo) -> None:
    done = demo.run("watch", "--every", "100ms", "--for", "300ms")
    assert done.returncode == 0
    assert re.match(r"lucky-shrub: [0-9,]+ of 250 places used, .* waiting; [0-9]+ stopped\n", done.stdout), done.stderr


def test_watch_prints_a_line_a_look_with_the_decisions_that_were_made_since(demo: Demo) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tidegate", "watch", "--every", "100ms", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(TIDEGATE_URL=demo.url, TIDEGATE_KEY=KEY),
    )
    try:
        assert process.stdout is not None
        looks = (json.loads(line) for line in process.stdout)
        first = next(looks)
        # The demo's traffic goes on: one of the next looks has some of it.
        told = next(look["events"] for look in looks if look["events"])
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert first["capacity"][0]["portfolio"] == "lucky-shrub"
    assert any("winback" in line for line in first["stopped"])
    assert {event["event"] for event in told} <= {"decision", "left_out", "breaker", "pause", "campaign", "gap"}


def test_the_demo_runs_for_as_long_as_it_is_told_and_leaves_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    made = start(tmp_path_factory.mktemp("d"), "--no-view", "--for", "3s")
    printed, errors = made.process.communicate(timeout=60)
    assert (made.process.returncode, errors) == (0, "")
    assert re.search(r"sent [1-9][0-9]*  queued [0-9]+  refused [0-9]+  places [1-9][0-9]*/250", printed)
    assert list(made.temporary.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_signal_ends_the_demo_in_good_order(tmp_path_factory: pytest.TempPathFactory, number: signal.Signals) -> None:
    made = start(tmp_path_factory.mktemp("d"), "--no-view")
    made.process.send_signal(number)
    printed, errors = made.process.communicate(timeout=60)
    assert (made.process.returncode, errors) == (0, "")
    assert printed.endswith("The demo has ended; nothing of it is left.\n")
    assert list(made.temporary.iterdir()) == []


def test_a_port_that_is_taken_is_refused_in_a_line(demo: Demo) -> None:
    taken = demo.url.rpartition(":")[2]
    done = tidegate("demo", "--port", taken, "--for", "1s", environ={})
    assert done.returncode == 1
    assert done.stderr.startswith(f"tidegate: port {taken}: ")


def test_the_simulator_alone_listens_and_ends_at_a_signal() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tidegate", "simulate", "--listen", "127.0.0.1:0", "--steer"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(3)]
        url = re.search(r"http://\S+", told[0])
        assert url is not None
        status, moved = call(["curl", f"{url[0]}/_sim/clock", "-d", '{"advance_s": 3600}'])
        assert (status, moved.keys()) == (200, {"now_ms"})
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0
    assert f"numbers {NUMBER}" in told[1]
