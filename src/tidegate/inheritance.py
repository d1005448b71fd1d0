"""What a worker has from the process that watches over it: its listening sockets, and a pipe to say that it serves."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

#: Set in a worker's environment: the pipe's file descriptor, then those of the sockets, with spaces between.
VARIABLE: Final = "TIDEGATE_WORKER"


@dataclass(frozen=True, slots=True)
class Inheritance:
    """`sockets` listen already: the port's, and that of the control plane where it has one of its own.

    Another process holds them too, so that nobody who waits in their queues is turned away when this one ends.
    """

    sockets: Sequence[socket.socket] = ()
    pipe: int | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Inheritance:
        """What this process was given; nothing where it is nobody's worker."""
        given = [int(number) for number in environ.get(VARIABLE, "").split()]
        return cls([socket.socket(fileno=number) for number in given[1:]], given[0]) if given else cls()

    def serves(self) -> None:
        """Tell whoever watches that callers are answered from now on."""
        if self.pipe is not None:
            # It may have ended meanwhile.
            with contextlib.suppress(OSError):
                os.write(self.pipe, b"1")
            os.close(self.pipe)
