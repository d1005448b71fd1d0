"""The journal on disk: one folder a node, locked while it lives, of files that only ever grow.

A line is `<crc32> <JSON>`. What a crash cut off at the end of a file was never waited for, and is left out.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import zlib
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

import orjson

from tidegate.errors import TidegateError
from tidegate.journal.memory import KEPT_MS, Entry

_LOCK: Final = "lock"
_LINES: Final = ".journal"
_WORD: Final = re.compile(rb"[0-9a-f]{16}")


class JournalUnwritable(TidegateError):
    """The journal can't be kept: no space, no right, no such place. What was to be written is not proven to be kept."""


class Slot:
    """One node's folder, locked by this process.

    `name` is what the node is called among the nodes of its store, on whichever machine they are.
    """

    def __init__(self, folder: Path, lock: int) -> None:
        self.name = f"{folder.name}-{_own_word(lock)}"
        self._folder = folder
        self._lock = lock
        self._file: int | None = None
        self._begun_ms = max((int(path.stem) for path in self._files()), default=0)

    def entries(self) -> Iterator[Entry]:
        """Everything that was written so far, in order; lines that a crash has cut are left out."""
        for path in self._files():
            for line in path.read_bytes().splitlines():
                with contextlib.suppress(ValueError):
                    checksum, _, text = line.partition(b" ")
                    if int(checksum, 16) == zlib.crc32(text):
                        yield orjson.loads(text)

    def begin(self, now_ms: int, head: Iterable[Entry]) -> None:
        """Write to a new file from now on, `head` first, and drop those that nothing depends on any more.

        Raises JournalUnwritable.
        """
        old = self._files()
        with _written():
            if self._file is not None:
                # Whoever waits for what was written last waits for the new file.
                self.sync()
            self._folder.joinpath(f"{max(now_ms, self._begun_ms + 1):015d}{_LINES}").touch(0o600)
            newest = self._files()[-1]
            file = os.open(newest, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
            self.end()
            self._file, self._begun_ms = file, int(newest.stem)
            self.append(head)
            self.sync()
            # A file ends where the next one begins.
            for path, after in pairwise([*old, newest]):
                if int(after.stem) < now_ms - KEPT_MS:
                    path.unlink()
            _sync_folder(self._folder)

    def append(self, entries: Iterable[Entry]) -> None:
        """Write entries, which are safe from this process' end. Raises JournalUnwritable."""
        assert self._file is not None, "begin() first"
        left = b"".join(_line(entry) for entry in entries)
        with _written():
            # A disk that becomes full takes a part, and says so by its size alone.
            while left:
                left = left[os.write(self._file, left) :]

    def sync(self) -> None:
        """Return once all that was written is safe from the machine's end too. Blocks. Raises JournalUnwritable."""
        assert self._file is not None, "begin() first"
        with _written():
            os.fdatasync(self._file)

    def is_full(self, now_ms: int, most_bytes: int, most_ms: int) -> bool:
        """Whether it is time for a new file."""
        assert self._file is not None, "begin() first"
        return os.fstat(self._file).st_size > most_bytes or now_ms - self._begun_ms > most_ms

    def end(self) -> None:
        """Close the file, and keep the lock."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def leave(self) -> None:
        """Close the file and give the folder up."""
        self.end()
        os.close(self._lock)

    def remove(self) -> None:
        """Give the folder up for good: all that it held is somewhere else now."""
        for path in self._files():
            path.unlink()
        self.leave()

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{_LINES}"))


def open_slot(directory: Path) -> Slot:
    """Take the first folder of `directory` that no living node has, or a new one. Raises JournalUnwritable."""
    with _written():
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in [*_names(directory), *(f"node-{n}" for n in range(1, 10_000))]:
            slot = _taken(directory / name)
            if slot is not None:
                return slot
    raise JournalUnwritable("no journal of a node is free")


def open_slots_of_the_dead(directory: Path) -> list[Slot]:
    """Take all folders that no living node has, those of them that hold something. Raises JournalUnwritable."""
    with _written():
        slots = [slot for name in _names(directory) if (slot := _taken(directory / name)) is not None]
    kept = []
    for slot in slots:
        if next(slot.entries(), None) is None:
            slot.leave()
        else:
            kept.append(slot)
    return kept


def _names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir() if entry.is_dir())


def _taken(folder: Path) -> Slot | None:
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return Slot(folder, lock)


def _own_word(lock: int) -> str:
    """What tells this folder from those of other machines: it is in the lock's file, and on the disk, for good."""
    word = os.pread(lock, 64, 0)
    if not _WORD.fullmatch(word):
        word = secrets.token_hex(8).encode()
        os.ftruncate(lock, 0)
        os.pwrite(lock, word, 0)
        os.fsync(lock)
    return word.decode()


def _line(entry: Entry) -> bytes:
    text = orjson.dumps(entry)
    # The line break comes first: it ends what a full disk may have cut before.
    return b"\n%08x %s" % (zlib.crc32(text), text)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _written() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise JournalUnwritable(f"the journal can't be written: {type(error).__name__}") from error
