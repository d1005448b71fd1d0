"""What a worker has from the process that watches over it: its listening sockets, and two pipes between them."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

#: Set in a worker's environment, with spaces between: the file descriptors of `pipe`, of `leash`, and of the sockets.
VARIABLE: Final = "TIDEGATE_WORKER"


@dataclass(frozen=True, slots=True)
class Inheritance:
    """`sockets` listen already: the port's, and that of the control plane where it has one of its own.

    Another process holds them too, so that nobody who waits in their queues is turned away when this one ends.

    `pipe`: where it says that it serves. `leash`: nothing is ever read from it but its end, which is that of the
    process that watches: however that ended, it closes nothing and tells nobody.
    """

    sockets: Sequence[socket.socket] = ()
    pipe: int | None = None
    leash: int | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Inheritance:
        """What this process was given; nothing where it is nobody's worker."""
        given = [int(number) for number in environ.get(VARIABLE, "").split()]
        return cls([socket.socket(fileno=number) for number in given[2:]], *given[:2]) if given else cls()

    def serves(self) -> None:
        """Tell whoever watches that callers are answered from now on."""
        if self.pipe is not None:
            # It may have ended meanwhile.
            with contextlib.suppress(OSError):
                os.write(self.pipe, b"1")
            os.close(self.pipe)
