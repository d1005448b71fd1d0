"""A failed validation, said in the operator's words: key path, problem, nearest known key."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tidegate.errors import BadConfiguration, Fault
from tidegate.policy.rules import Rules
from tidegate.settings.shape import FILE_SUFFIX, Path, keys_of, nearest, spell, table_at

_PROBLEMS = {
    "extra_forbidden": "unknown key",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "tuple_type": "must be a list",
    "too_short": "must have at least one entry",
    "string_type": "must be a string",
    "bytes_type": "must be a string",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
}


def _problem(error: ErrorDetails, root: type[BaseModel], path: Path) -> str:
    if error["type"] == "missing":
        table, name = table_at(root, path[:-1]), str(path[-1])
        key = keys_of(table).get(name) if table else None
        return f"required (or {name}{FILE_SUFFIX})" if key and key.is_secret else "required"
    told = _PROBLEMS.get(error["type"])
    return told or error["msg"].removeprefix("Value error, ").replace("Input should ", "must ", 1)


def _is_inside(path: Path, table: Path) -> bool:
    return len(path) > len(table) and path[: len(table)] == table


def faults_of(error: ValidationError, root: type[BaseModel], *, under: Path = ()) -> Iterable[tuple[Path, Fault]]:
    """Every fault of a failed validation of `root`, with its place; `under` is the place of `root` itself."""
    prefix = spell(under)
    details = error.errors(include_url=False, include_input=False, include_context=False)
    for detail in details:
        path = detail["loc"]
        if detail["type"] == "too_short" and any(_is_inside(other["loc"], path) for other in details):
            continue  # not empty: its entries were refused, and that is told already
        meant = nearest(root, path) if detail["type"] == "extra_forbidden" else None
        if meant and prefix:
            meant = f"{prefix}.{meant}"
        yield path, Fault(spell((*under, *path)), _problem(detail, root, path), meant)


def read_rules(written: Mapping[str, Any]) -> Rules:
    """Rules from values under their public keys, as a whole or not at all.

    Raises BadConfiguration with every fault; paths begin with `rules`.
    """
    try:
        return Rules.model_validate(written)
    except ValidationError as error:
        faults = tuple(fault for _, fault in faults_of(error, Rules, under=("rules",)))
    raise BadConfiguration(faults)
