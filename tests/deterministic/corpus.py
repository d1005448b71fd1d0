"""Seeds that once failed: kept, so that what was wrong stays right."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from tests.deterministic.faults import PROFILES

_FILE: Final = Path(__file__).with_name("corpus.txt")


class Entry(NamedTuple):
    """A seed, its profile, and what was wrong."""

    seed: int
    profile: str
    why: str


def read_corpus(text: str | None = None) -> tuple[Entry, ...]:
    """The entries of the file, or of `text`. Raises ValueError for a line that is none."""
    entries = []
    for line in (_FILE.read_text("utf-8") if text is None else text).splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        what, _, why = line.partition("#")
        seed, _, profile = what.strip().partition(" ")
        if not seed.isascii() or not seed.isdigit() or profile not in PROFILES or not why.strip():
            raise ValueError(f"corpus: {line!r} has to be '<seed> <profile>  # <why>'")
        entries.append(Entry(int(seed), profile, why.strip()))
    return tuple(entries)
