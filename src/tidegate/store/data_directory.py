"""The directory of an embedded store: private, locked by one node, with a socket that can be reached."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import sys
import tempfile
from pathlib import Path

from tidegate.errors import StoreUnavailable, TidegateError
from tidegate.store.valkey_process import SOCKET_NAME

NODE_LOCK = "LOCK"  #: held by the node that owns the directory
SERVER_LOCK = "SERVER.LOCK"  #: held by the server that writes the data: free means that no server is left

# unix(7): the size of sun_path, less its closing zero byte.
_LONGEST_SOCKET_PATH = 107 if sys.platform == "linux" else 103
_ALIAS_DIGITS = 16


class DirectoryInUse(TidegateError):
    """Another node runs its embedded store in this directory; the message names the remedy."""


def prepare(directory: Path) -> Path:
    """Make the directory if it is missing, private in any case (0700), and return its absolute path.

    A directory that holds other things is left as it is: taking the access to it from others may break them.

    Raises StoreUnavailable if it can't be made, or is nothing that can be made private.
    """
    path = directory.expanduser().absolute()
    try:
        # Not `parents=True`: parents get the modes that the umask gives, the directory itself gets 0700 at
        # once.
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
        path = path.resolve(strict=True)
        found = path.stat()
        if stat.S_IMODE(found.st_mode) & 0o077:
            _require_ours(path, found)
            path.chmod(0o700)
    except OSError as error:
        raise StoreUnavailable(f"store.url: the directory {path} can't be used: {error.strerror}") from error
    return path


def take(directory: Path, name: str) -> int | None:
    """Lock the file `name` of the directory for as long as the returned descriptor, or a copy of it, is open.

    None if it is locked already. The kernel frees it when its last holder ends, however it ends.
    """
    descriptor = os.open(directory / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def take_for_node(directory: Path) -> int:
    """Lock the directory for this node and note our process id in it. Raises DirectoryInUse if taken."""
    descriptor = take(directory, NODE_LOCK)
    if descriptor is None:
        holder = (directory / NODE_LOCK).read_text(encoding="ascii", errors="replace").strip()
        raise DirectoryInUse(
            f"the embedded store in {directory} is in use by another node (process {holder or 'unknown'}). "
            "An embedded store serves one node. To run several nodes, give them all one shared store "
            '(store.url = "redis://host:6379"); to run this one apart, give it another directory '
            '(store.url = "embedded:./other").'
        )
    os.truncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def reachable_socket(directory: Path) -> str:
    """Give a path of the directory's socket that is short enough to connect to.

    The kernel takes no more than about a hundred bytes. A longer path is reached through a symbolic link to
    the directory, in a folder that nobody but us can write to.

    Raises StoreUnavailable if no such folder can be had.
    """
    direct = str(directory / SOCKET_NAME)
    if _fits(direct):
        return direct
    folder = Path(tempfile.gettempdir(), f"tidegate-{os.geteuid()}")
    alias = folder / hashlib.sha256(os.fsencode(directory)).hexdigest()[:_ALIAS_DIGITS]
    short = str(alias / SOCKET_NAME)
    if not _fits(short):
        raise StoreUnavailable(f"store.url: {directory} is too long a path: choose a shorter one")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        # The folder's name can be guessed, so another user may have made it first: lstat, for it may be a
        # link too.
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise StoreUnavailable(
                f"{folder} is not a private folder of this user, and {directory} is too long for a socket: "
                "choose a shorter directory in store.url"
            )
        _point(alias, directory)
    except OSError as error:
        raise StoreUnavailable(f"{alias} can't be made: {error.strerror}") from error
    return short


def existing_socket(directory: Path) -> str | None:
    """Give the path of the socket, as `reachable_socket` does, if a node ever ran here; None otherwise."""
    path = directory.expanduser().absolute()
    return reachable_socket(path.resolve()) if (path / NODE_LOCK).exists() else None


def _fits(path: str) -> bool:
    return len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH


def _point(alias: Path, directory: Path) -> None:
    """Let `alias` be a link to `directory`, at no moment missing or pointing elsewhere."""
    if alias.is_symlink() and os.readlink(alias) == str(directory):
        return
    fresh = alias.with_name(f"{alias.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(directory)
    fresh.replace(alias)


def _require_ours(path: Path, found: os.stat_result) -> None:
    mine = found.st_uid == os.geteuid() or os.geteuid() == 0
    names = {entry.name for entry in path.iterdir()}
    if mine and not found.st_mode & stat.S_ISVTX and (not names or NODE_LOCK in names):
        return
    raise StoreUnavailable(
        f"store.url: {path} is open to other users and holds other things, or is not ours to close to them: "
        "choose a new or empty directory for the embedded store"
    )
