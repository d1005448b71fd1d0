"""What doctor finds on this machine."""

import socket
from pathlib import Path

import pytest

from tidegate.cli.examination.finding import Finding, Level
from tidegate.cli.examination.machine import examine_machine, judge_certificate
from tidegate.settings import Settings, load

EXAMPLE = Path(__file__).parents[4] / "tidegate.example.toml"
DAY_S = 86_400


def settings(tmp_path: Path, **overridden: str) -> Settings:
    file = tmp_path / "tidegate.toml"
    file.write_text(EXAMPLE.read_text().replace("embedded:./data", f"embedded:{tmp_path}/data"))
    return load(file, {"TIDEGATE_SERVER__LISTEN": "127.0.0.1:0", **overridden})


def found(settings: Settings, subject: str) -> list[Finding]:
    return [finding for finding in examine_machine(settings) if finding.subject == subject]


def test_a_port_of_something_else_is_broken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        silent = settings(tmp_path, TIDEGATE_SERVER__LISTEN=listen)
        taken.settimeout(5)
        (finding,) = found(silent, "port")
    assert (finding.level, finding.found) == (Level.FAIL, f"{listen} is taken by something that is no node")
    assert "server.listen" in finding.remedy


def test_a_port_that_is_free_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as once:
        listen = f"127.0.0.1:{once.getsockname()[1]}"
    assert found(settings(tmp_path, TIDEGATE_SERVER__LISTEN=listen), "port") == [
        Finding("port", Level.OK, f"{listen} is free")
    ]


def test_an_address_of_another_machine_is_broken(tmp_path: Path) -> None:
    (finding,) = found(settings(tmp_path, TIDEGATE_SERVER__LISTEN="203.0.113.7:8080"), "port")
    assert finding.level is Level.FAIL
    assert "203.0.113.7:8080 can't be had" in finding.found


def test_more_connections_than_files_are_a_warning(tmp_path: Path) -> None:
    (finding,) = found(settings(tmp_path, TIDEGATE_SERVER__MAX_CONNECTIONS="900000000"), "files")
    assert finding.level is Level.WARN
    assert "LimitNOFILE=1800000256" in finding.remedy


def test_the_disks_of_the_store_and_of_the_journal_are_looked_at_before_they_are_made(tmp_path: Path) -> None:
    looked_at = settings(tmp_path, TIDEGATE_JOURNAL__DIRECTORY=str(tmp_path / "not" / "yet"))
    assert [finding.found.split(" has ")[0] for finding in found(looked_at, "disk")] == [
        f"{tmp_path}/data",
        f"{tmp_path}/not/yet",
    ]


@pytest.mark.parametrize(
    ("days", "level"),
    [
        pytest.param(90, Level.OK, id="months"),
        pytest.param(13, Level.WARN, id="less than two weeks"),
        pytest.param(-1, Level.FAIL, id="none"),
    ],
)
def test_a_certificate_by_the_days_it_has_left(days: int, level: Level) -> None:
    assert judge_certificate(days * DAY_S).level is level
