"""`TIDEGATE_<SECTION>__<KEY>` from the environment, laid over what the file says."""

import re
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from tidegate.errors import Fault
from tidegate.settings.shape import FILE_SUFFIX, Key, keys_of, known_names, nearest, spell

PREFIX = "TIDEGATE_"
SEPARATOR = "__"


def apply(written: dict[str, Any], environ: Mapping[str, str], root: type[BaseModel]) -> list[Fault]:
    """Put every override into `written` (changed in place) and return what could not be put.

    A part that is a number picks an entry of a list: `TIDEGATE_PORTFOLIO__0__MESSAGING_LIMIT`. Variables
    without `__` belong to others (`TIDEGATE_URL`, those that an orchestrator makes) and are left alone,
    unless they spell a known key.
    """
    faults = []
    for variable in sorted(environ):
        if not variable.upper().startswith(PREFIX):
            continue
        spelled = variable[len(PREFIX) :].lower()
        if SEPARATOR in spelled:
            problem = _put(written, spelled.split(SEPARATOR), environ[variable], root)
            faults += [Fault(variable, *problem)] if problem else []
        elif spelled in _spelled_with_one_underscore(root):
            meant = PREFIX + _spelled_with_one_underscore(root)[spelled]
            faults.append(Fault(variable, "section and key are joined by two underscores", meant))
    return faults


def _spelled_with_one_underscore(root: type[BaseModel]) -> dict[str, str]:
    return {
        f"{section}_{name}": f"{section}{SEPARATOR}{name}".upper()
        for section, key in keys_of(root).items()
        if key.table and not key.is_list
        for name in known_names(key.table)
    }


def _put(written: dict[str, Any], steps: list[str], text: str, root: type[BaseModel]) -> tuple[str, str | None] | None:
    """Follow `steps` to the key and set it. Returns (problem, nearest) when that cannot be done."""
    table, place = root, written
    trail: list[str | int] = []
    while True:
        name = steps.pop(0)
        key = keys_of(table).get(name.removesuffix(FILE_SUFFIX) if name not in keys_of(table) else name)
        if key is None or (name != key.name and not key.is_secret):
            return "unknown key", nearest(root, (*trail, name))
        trail.append(name)
        if not steps:
            return _set(place, name, key, text)
        if key.table is None:
            return f"{spell(tuple(trail))} is no table", None
        table = key.table
        if key.is_list:
            entries, index = place.get(name), steps.pop(0)
            if not re.fullmatch(r"[0-9]{1,4}", index) or not isinstance(entries, list) or not steps:
                return f"{spell(tuple(trail))} is a list of tables: its entries stand in the file", None
            if int(index) >= len(entries) or not isinstance(entries[int(index)], dict):
                return f"the file has no {spell((*trail, int(index)))}", None
            place = entries[int(index)]
        else:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                return f"{spell(tuple(trail))} is no table in the file", None


def _set(place: dict[str, Any], name: str, key: Key, text: str) -> tuple[str, str | None] | None:
    if key.table is not None:
        return "is a table: only its keys can be set from the environment", None
    if name == key.name and key.is_list:
        # Several values are one a line or separated by commas; a secret may hold a comma, a line it cannot.
        separator = r"\n" if key.is_secret else r"[,\n]"
        place[name] = [part.strip() for part in re.split(separator, text) if part.strip()]
    else:
        place[name] = _typed(text, key) if name == key.name else text
    twin = key.name if name != key.name else key.name + FILE_SUFFIX
    place.pop(twin, None)
    return None


def _typed(text: str, key: Key) -> Any:
    """The text as the type that the file would have. What does not fit stays text, and validation objects."""
    kind = _bare(key.kind)
    if kind is bool and text.strip().lower() in ("true", "false", "1", "0"):
        return text.strip().lower() in ("true", "1")
    if kind is int and re.fullmatch(r"[+-]?[0-9]{1,18}", text.strip()):
        return int(text)
    if kind is float and re.fullmatch(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?", text.strip()):
        return float(text)
    return text


def _bare(kind: Any) -> Any:
    """What a value is that may be left out, or that a validator looks at."""
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    named = [part for part in get_args(kind) if part is not NoneType]
    return _bare(named[0]) if get_origin(kind) in (Union, UnionType) and len(named) == 1 else kind
