"""A rollout as a picture: what was sent, what waited, places of the limit, the number's quality, over virtual time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot
from matplotlib.ticker import FuncFormatter, MultipleLocator

from loadtest.series import GRADES, Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DAY_MS: Final = 86_400_000
_HOUR_MS: Final = 3_600_000
# Okabe and Ito's colours, which people with any kind of colour blindness can tell apart.
_BLUE, _ORANGE, _GREEN, _RED, _GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#7F7F7F"
_OF_GRADE: Final = dict(zip(GRADES, (_GREEN, _ORANGE, _RED), strict=True))
_THOUSANDS: Final = FuncFormatter(lambda value, _at: f"{value:,.0f}")


def draw(series: Series, title: str, path: Path) -> None:
    """Write the picture; the suffix of `path` (.svg, .png) says in which format. Raises OSError, ValueError."""
    days = [sample.at_ms / _DAY_MS for sample in series.samples]
    with pyplot.rc_context({"font.size": 9, "svg.hashsalt": "tidegate", "axes.spines.top": False}):
        figure, panels = pyplot.subplots(
            4, 1, figsize=(9, 8.4), sharex=True, layout="constrained", height_ratios=(3, 3, 2, 0.5)
        )
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11)
        _sent(panels[0], series, days)
        _places(panels[1], series, days)
        _per_hour(panels[2], series)
        _quality(panels[3], series, days)
        panels[3].set_xlabel("days since the start")
        panels[3].set_xlim(0, days[-1] or 1)
        panels[3].xaxis.set_major_locator(MultipleLocator(1 if days[-1] > 2 else 0.25))
        # Without a date the same run gives the same bytes.
        figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)
        pyplot.close(figure)


def _sent(panel: Axes, series: Series, days: Sequence[float]) -> None:
    panel.plot(days, [sample.sent for sample in series.samples], color=_BLUE, label="sent (campaign)")
    panel.plot(days, [sample.queued for sample in series.samples], color=_ORANGE, label="waiting in the queue")
    panel.plot(days, [sample.refused for sample in series.samples], color=_RED, label="refused by Meta")
    _dress(panel, "messages", "center right")


def _places(panel: Axes, series: Series, days: Sequence[float]) -> None:
    places = [sample.places for sample in series.samples]
    panel.fill_between(days, places, color=_BLUE, alpha=0.25, linewidth=0)
    panel.plot(days, places, color=_BLUE, label="users that count in the last 24 h")
    if series.limit >= 0:
        panel.axhline(series.limit, color=_RED, linestyle="--", linewidth=1, label="messaging limit")
        panel.axhline(series.most, color=_GREY, linestyle=":", linewidth=1, label="what a campaign may fill")
    panel.set_ylim(bottom=0)
    _dress(panel, "places", "lower right")


def _per_hour(panel: Axes, series: Series) -> None:
    hours = range(int(series.samples[-1].at_ms // _HOUR_MS) + 1)
    for name, color, bottom in (("sent", _BLUE, None), ("codes", _GREEN, "sent")):
        drawn = _by_hour(series, name)
        below = _by_hour(series, bottom) if bottom else [0] * len(hours)
        label = "campaign" if name == "sent" else "login codes"
        panel.bar([hour / 24 for hour in hours], drawn, 1 / 24, below, align="edge", color=color, label=label)
    _dress(panel, "sent per hour", "upper right")


def _by_hour(series: Series, name: str) -> list[int]:
    until = [0] * (int(series.samples[-1].at_ms // _HOUR_MS) + 1)
    for sample in series.samples:
        until[sample.at_ms // _HOUR_MS] = getattr(sample, name)
    for hour in range(1, len(until)):
        until[hour] = max(until[hour], until[hour - 1])
    return [now - before for now, before in zip(until, [0, *until], strict=False)]


def _quality(panel: Axes, series: Series, days: Sequence[float]) -> None:
    at = 0
    for grade, run in groupby(sample.quality for sample in series.samples):
        begin, at = at, at + len(list(run))
        end = days[min(at, len(days) - 1)]
        panel.axvspan(days[begin], end, color=_OF_GRADE.get(grade, "#DDDDDD"), linewidth=0)
    panel.set_yticks([])
    panel.set_ylabel("quality", rotation=0, ha="right", va="center")
    seen = list(dict.fromkeys(sample.quality for sample in series.samples))
    panel.text(1.0, 1.05, " > ".join(seen), transform=panel.transAxes, ha="right", va="bottom", fontsize=8)


def _dress(panel: Axes, unit: str, place: Literal["center right", "lower right", "upper right"]) -> None:
    panel.set_ylabel(unit)
    panel.yaxis.set_major_formatter(_THOUSANDS)
    panel.set_axisbelow(True)
    panel.grid(axis="y", color="#E5E5E5", linewidth=0.6)
    panel.spines["right"].set_visible(False)
    panel.legend(loc=place, frameon=True, framealpha=0.85, edgecolor="none", fontsize=8)
