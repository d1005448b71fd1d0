"""Templates into HTML: a page, or the blocks of it that are live. Everything is escaped, and nothing may be missing."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tidegate.edge.dashboard.charts.trends import share
from tidegate.edge.dashboard.static_files import STATIC
from tidegate.edge.dashboard.worded import worded

_LIVE: Final = "live_"

#: Stands for a session's token where HTML is made for several sessions at once; nobody can have written it.
TOKEN_MARK: Final = f"token-{secrets.token_hex(16)}"


def _when(told: str | None, otherwise: str = "") -> Markup | str:
    """An RFC 3339 time as an element; the page's script writes beside it how far away it is."""
    if told is None:
        return otherwise
    at: datetime = datetime.fromisoformat(told)
    return Markup('<time datetime="{}">{}</time>').format(told, f"{at:%-d %b %H:%M:%S} UTC")


def moment(told: str | None, today: str, otherwise: str = "") -> Markup | str:
    """A time in a table: of `today` (a date) the time of day, of another day the date too; in its title all of it."""
    if told is None:
        return otherwise
    at: datetime = datetime.fromisoformat(told)
    short = f"{at:%H:%M:%S}" if f"{at:%Y-%m-%d}" == today else f"{at:%-d %b %H:%M}"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(told, f"{at:%-d %b %H:%M:%S} UTC", short)


def _clock(at_ms: int) -> str:
    """The time of day of a time in ms."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%H:%M:%S}"


def _clock_of(told: str) -> str:
    """The day and time of an RFC 3339 time, as text."""
    return f"{datetime.fromisoformat(told):%-d %b %H:%M}"


def _count(number: int | None, otherwise: str = "no limit") -> str:
    """12,345."""
    return otherwise if number is None else f"{number:,}"


def _made() -> Environment:
    made = Environment(
        loader=PackageLoader("tidegate.edge.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "when": _when,
        "moment": moment,
        "count": _count,
        "share": share,
        "clock": _clock,
        "clock_of": _clock_of,
        "worded": worded,
    }
    made.globals |= {"static": lambda name: STATIC[name].name}
    return made


_ENVIRONMENT: Final = _made()


def rendered(template: str, context: Mapping[str, Any]) -> str:
    """The whole page."""
    return _ENVIRONMENT.get_template(template).render(context)


def live_blocks(template: str, context: Mapping[str, Any]) -> dict[str, str]:
    """The blocks of a page that are live, by name: those whose name begins with `live_`."""
    found = _ENVIRONMENT.get_template(template)
    made = found.new_context(dict(context))
    return {name: "".join(block(made)) for name, block in found.blocks.items() if name.startswith(_LIVE)}


def is_live(template: str) -> bool:
    """Whether anything on the page changes while it is looked at."""
    return any(name.startswith(_LIVE) for name in _ENVIRONMENT.get_template(template).blocks)
