"""The quickstart, run as it stands: from a configuration of one's own to the first message on the dashboard."""

from __future__ import annotations

from pathlib import Path

from tests.ports import free_port
from tests.system.new_user import PORTS, Walk, blocks, shim, walk


def test_a_new_user_gets_from_the_page_to_the_dashboard(tmp_path: Path) -> None:
    took_s = walk(Walk(tmp_path, shim(tmp_path), {port: str(free_port()) for port in PORTS}))

    assert set(blocks()) <= took_s.keys()
