"""The sends of a run as a picture: CPU of a send at 64 connections, and sends a second by how many ask at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot
from matplotlib.ticker import FuncFormatter, NullLocator

from loadtest.bench.speed import candidates as who
from loadtest.bench.speed.found import Found, Setting

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHOWN: Final = (who.NGINX, who.HAPROXY, who.BARE, who.NAIVE, who.OFF, who.DEFAULT, who.ON)
# Okabe and Ito's colours, which people with any kind of colour blindness can tell apart.
_OURS, _BARE, _NAIVE, _STORE = "#0072B2", "#7F7F7F", "#E69F00", "#56B4E9"
_COLOURS: Final = {who.OFF: _OURS, who.DEFAULT: _OURS, who.ON: _OURS, who.NAIVE: _NAIVE}
_LINES: Final = {who.BARE: "-", who.NAIVE: "-", who.OFF: ":", who.DEFAULT: "--", who.ON: "-"}
_THOUSANDS: Final = FuncFormatter(lambda value, _at: f"{value:,.0f}")


def draw(found: Found, path: Path) -> None:
    """Write the picture; the suffix of `path` (.svg, .png) says in which format. Raises OSError, ValueError, KeyError.

    A run without sends at 64 connections has none.
    """
    with pyplot.rc_context({"font.size": 9, "svg.hashsalt": "tidegate", "axes.spines.top": False}):
        figure, (costs, rates) = pyplot.subplots(1, 2, figsize=(10, 3.6), layout="constrained", width_ratios=(3, 2))
        _costs(costs, found)
        _rates(rates, found)
        # Without a date the same run gives the same bytes.
        figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)
        pyplot.close(figure)


def _costs(panel: Axes, found: Found) -> None:
    rounds = found.sends[Setting(64)]
    names = [name for name in reversed(_SHOWN) if rounds.has(name)]
    for at, name in enumerate(names):
        gateway = rounds.of(name, lambda window: window.gateway_us)
        store = rounds.of(name, lambda window: window.store_us).median
        panel.barh(at, gateway.median, color=_COLOURS.get(name, _BARE), height=0.6)
        panel.barh(at, store, left=gateway.median, color=_STORE, height=0.6)
        told = f" {gateway.median:,.0f}" + (f" + {store:,.0f}" if store else "")
        panel.text(gateway.median + store, at, told, va="center", fontsize=8)
    panel.set_yticks(range(len(names)), names)
    panel.set_title("µs of CPU a send: proxy + its store, 64 connections", loc="left", fontsize=9)
    panel.margins(x=0.12)
    panel.spines["right"].set_visible(False)


def _rates(panel: Axes, found: Found) -> None:
    settings = sorted((one for one in found.sends if not one.upstream_ms), key=lambda one: one.connections)
    for name, style in _LINES.items():
        at = [setting for setting in settings if found.sends[setting].has(name)]
        rates = [found.sends[setting].of(name, lambda window: window.per_second).median for setting in at]
        colour = _COLOURS.get(name, _BARE)
        panel.plot([one.connections for one in at], rates, style, color=colour, label=name, marker=".")
    panel.set_xscale("log", base=2)
    panel.set_xticks([one.connections for one in settings], [str(one.connections) for one in settings])
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xlabel("connections that ask without a break")
    panel.set_title("sends a second, one core", loc="left", fontsize=9)
    panel.set_ylim(bottom=0)
    panel.yaxis.set_major_formatter(_THOUSANDS)
    panel.grid(axis="y", color="#E5E5E5", linewidth=0.6)
    panel.spines["right"].set_visible(False)
    panel.legend(frameon=False, fontsize=7)
