"""Rate cards given as `rules.budget.rate_card_file`: read once, at load, and put in the place of `rate_card`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

from tidegate.errors import Fault

_PLACE: Final = "rules.budget.rate_card_file"
_KEY: Final = "rate_card"
_FILE: Final = "rate_card_file"
#: No list of prices is larger; a device or a log given by mistake is.
LARGEST_BYTES: Final = 1024 * 1024


def resolve(written: dict[str, Any], folder: Path) -> list[Fault]:
    """Put the `[[rate_card]]` tables of the file in the place of its path (`written` is changed in place).

    A relative path is taken from `folder`, the configuration file's own. Answers what is wrong; the prices themselves
    are validated with all else.
    """
    rules = written.get("rules")
    budget = rules.get("budget") if isinstance(rules, dict) else None
    if not isinstance(budget, dict) or _FILE not in budget:
        return []
    where = budget.pop(_FILE)
    if _KEY in budget:
        return [Fault(_PLACE, f"given twice: as {_KEY} and as {_FILE}")]
    cards, problem = _read(where, folder)
    if problem is not None:
        return [Fault(_PLACE, problem)]
    budget[_KEY] = cards
    return []


def _read(where: object, folder: Path) -> tuple[Any, str | None]:
    if not isinstance(where, str) or not where or "\0" in where:
        return None, "must be the path of a file"
    try:
        with (folder / where).open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        return None, f"the file cannot be read: {error.strerror}"
    if len(content) > LARGEST_BYTES:
        return None, f"the file is larger than {LARGEST_BYTES} bytes"
    try:
        tables = tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return None, "the file is not UTF-8, so it is no TOML"
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return None, f"the file is no TOML: {error}"
    if tables.keys() != {_KEY}:
        return None, f"the file has to hold [[{_KEY}]] tables, and nothing else"
    return tables[_KEY], None
