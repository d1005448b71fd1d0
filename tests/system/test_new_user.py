"""The quickstart, run as it stands: from a configuration of one's own to the first message on the dashboard."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.system.new_user import PORTS, Walk, blocks, shim, walk

LACKING = [name for name in ("bash", "curl", "openssl") if shutil.which(name) is None]


@pytest.mark.skipif(bool(LACKING), reason=f"the page types {', '.join(LACKING)}, which is not here")
def test_a_new_user_gets_from_the_page_to_the_dashboard(tmp_path: Path) -> None:
    took_s = walk(Walk(tmp_path, shim(tmp_path), {port: str(free_port()) for port in PORTS}))

    assert set(blocks()) <= took_s.keys()
