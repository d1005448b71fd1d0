"""A store for one run: real, empty, and gone with it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tidegate.store.embedded import socket_url
from tidegate.store.valkey_process import SOCKET_NAME, ValkeyProcess

#: What a run keeps is measured, not kept: a disk has no part in it.
_FORGETFUL: Final = {"save": "", "appendonly": "no", "maxmemory-policy": "noeviction"}


@contextmanager
def own_store() -> Iterator[str]:
    """Have one within the block; gives its URL (unix://...). No loop may run. Raises StoreUnavailable."""
    with TemporaryDirectory(prefix="tidegate-load-") as directory:
        process = ValkeyProcess.spawn(Path(directory), _FORGETFUL)
        try:
            socket_path = str(Path(directory, SOCKET_NAME))
            asyncio.run(process.ready(socket_path, timeout_s=10))
            yield socket_url(socket_path)
        finally:
            asyncio.run(process.stop(timeout_s=5))
