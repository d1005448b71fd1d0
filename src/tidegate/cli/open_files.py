"""How many files a node's process needs open at once."""

from __future__ import annotations

from typing import Final

#: The store's connections, the journal, logs and what the process opens at its start.
_OTHER_FILES: Final = 256


def open_files_for(connections: int) -> int:
    """Files for this many connections: one each, one to Meta while one is passed on, and what the process has."""
    return 2 * connections + _OTHER_FILES
