"""Random bytes of the operating system's, fetched many at a time: asking for a dozen costs as much as for thousands."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain, repeat
from struct import Struct
from typing import Final

_AT_ONCE: Final = 4_096


def portions(size: int) -> Iterator[bytes]:
    """So many bytes (at most 4,096) at a time, without end, that nobody else is given.

    Not to be shared by threads, or over a fork.
    """
    some = Struct(f"{size}s" * (_AT_ONCE // size))
    return chain.from_iterable(some.unpack(os.urandom(some.size)) for _ in repeat(None))
