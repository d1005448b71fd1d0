"""How a server is started, seen by a program that stands in its place and writes down what it was given."""

from __future__ import annotations

import os
import platform
import stat
from pathlib import Path

import pytest

from tidegate.errors import StoreUnavailable
from tidegate.store import valkey_process
from tidegate.store.valkey_process import LOG_NAME, ValkeyProcess

WITNESS = """#!/bin/sh
echo "arguments: $*"
env
umask
"""


@pytest.fixture
def witness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory in which the server is a script; what it says is in the log."""
    script = tmp_path / "witness"
    script.write_text(WITNESS)
    script.chmod(0o700)
    monkeypatch.setattr(valkey_process, "server_binary", lambda: script)
    return tmp_path


async def test_the_server_is_given_none_of_the_gateways_secrets(witness: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_PRIVACY__PAYLOAD_KEY", "secret")
    monkeypatch.setenv("SOME_OTHER_NAME", "harmless")

    assert await ValkeyProcess.spawn(witness, {}).ended() == 0

    said = (witness / LOG_NAME).read_text()
    assert "SOME_OTHER_NAME=harmless" in said
    assert "TIDEGATE_" not in said


async def test_the_server_runs_with_jemalloc_where_that_is_installed(
    witness: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    monkeypatch.setattr(valkey_process, "_LIBRARIES", (str(witness),))
    log = witness / LOG_NAME

    await ValkeyProcess.spawn(witness, {}).ended()
    assert "LD_PRELOAD" not in log.read_text()

    # What is no library is passed over by the loader, which says so.
    (witness / "libjemalloc.so.2").touch()
    await ValkeyProcess.spawn(witness, {}).ended()
    assert f"LD_PRELOAD={witness}/libjemalloc.so.2" in log.read_text()


async def test_options_are_given_as_they_are_and_come_after_our_own(witness: Path) -> None:
    await ValkeyProcess.spawn(witness, {"port": "7000", "save": ""}).ended()

    said = (witness / LOG_NAME).read_text()
    assert "arguments: --port 7000 " in said
    assert "--unixsocket valkey.sock --unixsocketperm 700" in said


async def test_what_the_server_writes_is_for_its_owner_alone(witness: Path) -> None:
    await ValkeyProcess.spawn(witness, {}).ended()

    assert "0077" in (witness / LOG_NAME).read_text().splitlines()
    assert stat.S_IMODE((witness / LOG_NAME).stat().st_mode) == 0o600


async def test_a_server_that_ends_before_it_answers_is_no_store(witness: Path) -> None:
    process = ValkeyProcess.spawn(witness, {})

    with pytest.raises(StoreUnavailable, match="its log: arguments"):
        await process.ready(str(witness / "valkey.sock"), timeout_s=10)


async def test_a_server_that_does_not_answer_in_time_is_no_store(witness: Path) -> None:
    (witness / "witness").write_text("#!/bin/sh\necho waiting\nexec cat /dev/zero > /dev/null\n")
    process = ValkeyProcess.spawn(witness, {})
    try:
        with pytest.raises(StoreUnavailable, match="not ready within"):
            await process.ready(str(witness / "valkey.sock"), timeout_s=0.05)
    finally:
        await process.stop(timeout_s=5)

    assert not process.running


def test_the_server_of_this_system_is_found_and_can_be_run() -> None:
    assert os.access(valkey_process.server_binary(), os.X_OK)


def test_a_system_without_a_server_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Windows")

    with pytest.raises(StoreUnavailable, match="redis://"):
        valkey_process.server_binary()
