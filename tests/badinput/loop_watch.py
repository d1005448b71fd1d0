"""How long a loop of another process was kept from its work, in a few bytes of shared memory."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Final

_FIGURES: Final = struct.Struct("dd")


class LoopWatch:
    """The longest stalls since they were last forgotten, in seconds, written by one process and read by another.

    A stall by the clock may be the machine's doing: the processors were others'. One by work is the loop's own.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(_FIGURES.size))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _FIGURES.size)

    def tell(self, late_s: float, worked_s: float) -> None:
        """Two ticks of the loop lay this much further apart than they should, and this much work was between them."""
        longest_late_s, longest_work_s = self.longest()
        if late_s > longest_late_s or worked_s > longest_work_s:
            _FIGURES.pack_into(self._memory, 0, max(late_s, longest_late_s), max(worked_s, longest_work_s))

    def longest(self) -> tuple[float, float]:
        """The longest stall by the clock, and the longest by work."""
        late_s, worked_s = _FIGURES.unpack_from(self._memory)
        return late_s, worked_s

    def forget(self) -> None:
        """Begin anew."""
        _FIGURES.pack_into(self._memory, 0, 0.0, 0.0)
