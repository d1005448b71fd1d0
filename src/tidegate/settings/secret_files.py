"""Secrets given as `x_file`: read once, at load, and put in the place of `x`."""

from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any

from pydantic import BaseModel

from tidegate.errors import Fault
from tidegate.settings.shape import FILE_SUFFIX, Key, Path, keys_of, spell

LARGEST_BYTES = 64 * 1024
"""No secret of ours is larger; a device or a log given by mistake is."""


def resolve(written: Any, root: type[BaseModel], folder: FilePath) -> Iterator[tuple[Path, Fault]]:
    """Replace every `x_file` in `written` (changed in place); yield what could not be, with the place of `x`.

    A relative path is taken from `folder`, the configuration file's own. A file of text loses the line ends
    at its end; anything else is taken byte for byte.
    """
    yield from _resolve_table(written, root, folder, ())


def _resolve_table(place: Any, table: type[BaseModel], folder: FilePath, path: Path) -> Iterator[tuple[Path, Fault]]:
    if not isinstance(place, dict):
        return
    for name, key in keys_of(table).items():
        if key.is_secret and key.table is None and name + FILE_SUFFIX in place:
            where = place.pop(name + FILE_SUFFIX)
            problem = f"given twice: as {name} and as {name}{FILE_SUFFIX}" if name in place else None
            problem = problem or _replace(place, key, where, folder)
            if problem:
                yield (*path, name), Fault(spell((*path, name + FILE_SUFFIX)), problem)
        elif key.table is not None and key.is_list:
            for index, entry in enumerate(place[name] if isinstance(place.get(name), list) else ()):
                yield from _resolve_table(entry, key.table, folder, (*path, name, index))
        elif key.table is not None:
            yield from _resolve_table(place.get(name), key.table, folder, (*path, name))


def _replace(place: dict[str, Any], key: Key, where: Any, folder: FilePath) -> str | None:
    """Read the file into `place`; returns the problem when that fails."""
    if not isinstance(where, str) or not where or "\0" in where:
        return "must be the path of a file"
    try:
        with (folder / where).open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        return f"the file cannot be read: {error.strerror}"
    if len(content) > LARGEST_BYTES:
        return f"the file is larger than {LARGEST_BYTES} bytes"
    try:
        text = content.decode()
    except UnicodeDecodeError:
        place[key.name] = [content] if key.is_list else content
        return None
    lines = [line.strip() for line in text.splitlines()]
    place[key.name] = [line for line in lines if line] if key.is_list else text.rstrip("\r\n")
    return None
