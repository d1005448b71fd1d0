"""Which keys a table may have, read from its model: for overrides, secret files and suggestions alike."""

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import BaseModel, SecretBytes, SecretStr

FILE_SUFFIX = "_file"
"""A secret `x` may be given as `x_file`, the path of a file that holds it."""

Path = tuple[str | int, ...]
"""Place of a key: `("portfolio", 0, "id")`."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table.

    `table` is the model of what it holds, when that is a table, a list of them, or tables by names of the operator's
    (`is_map`).
    """

    name: str
    kind: Any
    table: type[BaseModel] | None
    is_list: bool
    is_secret: bool
    is_map: bool = False


def _parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)


@cache
def keys_of(table: type[BaseModel]) -> dict[str, Key]:
    """The table's keys by the name that the file uses."""
    keys = {}
    for attribute, field in table.model_fields.items():
        parts = [part for part in _parts(field.annotation) if isinstance(part, type)]
        inner = next((part for part in parts if issubclass(part, BaseModel)), None)
        name = field.alias or attribute
        keys[name] = Key(
            name=name,
            kind=field.annotation,
            table=inner,
            is_list=any(get_origin(part) is tuple for part in _parts(field.annotation)),
            is_secret=any(issubclass(part, SecretStr | SecretBytes) for part in parts),
            is_map=any(get_origin(part) is dict for part in _parts(field.annotation)),
        )
    return keys


def known_names(table: type[BaseModel]) -> list[str]:
    """Every name that the table understands, the `_file` twins of its secrets included."""
    twins = [name + FILE_SUFFIX for name, key in keys_of(table).items() if key.is_secret]
    return [*keys_of(table), *twins]


def table_at(root: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """Model of the table at this place; None where no table is."""
    table: type[BaseModel] | None = root
    names_a_table = False
    for step in path:
        if isinstance(step, int) or names_a_table:
            names_a_table = False
            continue
        key = keys_of(table).get(step) if table else None
        table, names_a_table = (key.table, key.is_map) if key else (None, False)
    return table


def spell(path: Path) -> str:
    """A place as people write it: `portfolio[0].waba[0].id`."""
    spelled = ""
    for step in path:
        if isinstance(step, int):
            spelled += f"[{step}]"
        else:
            bare = step if re.fullmatch(r"[A-Za-z0-9_-]+", step) else json.dumps(step)
            spelled += f".{bare}" if spelled else bare
    return spelled


def _all_paths(table: type[BaseModel], above: Path = ()) -> Iterator[Path]:
    for name in known_names(table):
        yield (*above, name)
        key = keys_of(table).get(name)
        if key and key.table:
            yield from _all_paths(key.table, (*above, name))


def nearest(root: type[BaseModel], path: Path) -> str | None:
    """The known key that an unknown one was probably meant to be: a similar name in its table, else the same
    name in another table."""
    *above, last = path
    table, name = table_at(root, tuple(above)), str(last).lower()
    close = difflib.get_close_matches(name, known_names(table) if table else (), n=1)
    if close:
        return spell((*above, close[0]))
    return next((spell(known) for known in _all_paths(root) if known[-1] == name), None)


def similar(name: str, among: Sequence[str]) -> str | None:
    """The most similar of some names, if one is similar at all."""
    return next(iter(difflib.get_close_matches(name, among, n=1)), None)
