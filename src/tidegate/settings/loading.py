"""From a file and an environment to `Settings`, or to every reason why not."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tidegate.errors import BadConfiguration, Fault
from tidegate.settings import overrides, rate_card_file, secret_files
from tidegate.settings.crosschecks import cross_check
from tidegate.settings.faults import faults_of
from tidegate.settings.tables import Settings


def load(path: str | Path, environ: Mapping[str, str]) -> Settings:
    """Read the TOML file at `path`, lay the `TIDEGATE_*` variables of `environ` over it, validate the whole.

    Raises BadConfiguration with every fault found.
    """
    file = Path(path)
    written = _read_toml(file)
    faults = overrides.apply(written, environ, Settings)
    unread = dict(secret_files.resolve(written, Settings, file.parent))
    faults += unread.values()
    faults += (unpriced := rate_card_file.resolve(written, file.parent))
    settings = None
    try:
        settings = Settings.model_validate(written)
    except ValidationError as error:
        # What is in a file that could not be read is missing as well: told once.
        missing = {*unread, ("rules", "budget", "rate_card")} if unpriced else unread
        faults += [fault for place, fault in faults_of(error, Settings) if place not in missing]
    faults += cross_check(written)
    if settings is None or faults:
        raise BadConfiguration(tuple(faults))
    return settings


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        # Some editors put a byte order mark in front; it means nothing.
        text = file.read_text(encoding="utf-8-sig")
        return tomllib.loads(text)
    except OSError as error:
        problem = f"the file cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        problem = "is not UTF-8, so it is no TOML"
    except tomllib.TOMLDecodeError as error:
        problem = f"is no TOML: {error}"
    except RecursionError:
        problem = "is no TOML of ours: nested too deeply"
    raise BadConfiguration((Fault(str(file), problem),))
