"""What was found, as tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from rich.table import Table

from loadtest.bench.speed import candidates as who
from loadtest.bench.speed.found import Delivered, Found, Memory, Setting
from loadtest.bench.speed.intake import Intake, Storm
from loadtest.bench.speed.judged import Judged
from loadtest.bench.speed.musts import MUSTS
from loadtest.bench.speed.queueing import Queued
from loadtest.bench.speed.rounds import Rounds, Spread
from loadtest.bench.speed.window import Window

_FIGURES: Final[Sequence[tuple[str, str, Callable[[Window], float]]]] = (
    ("sends/s", ",.0f", lambda window: window.per_second),
    ("gateway us", ".1f", lambda window: window.gateway_us),
    ("store us", ".1f", lambda window: window.store_us),
    ("p50 ms", ".2f", lambda window: window.p50_ms),
    ("p99 ms", ".2f", lambda window: window.p99_ms),
    ("MiB", ".0f", lambda window: window.rss_mib),
)


def tables(found: Found) -> Iterator[Table]:
    """A table for each axis, the musts last."""
    for setting, rounds in found.sends.items():
        yield _windows(f"sends, {_told(setting)}", rounds, who.BARE)
    for setting, rounds in found.latency.items():
        yield _windows(f"half load, {_told(setting)}", rounds, who.BARE)
    if found.portfolios.windows:
        yield _windows("portfolios, 64 connections", found.portfolios, next(iter(found.portfolios.windows)))
    if found.recipients.windows:
        table = _windows("counted recipients, 64 connections", found.recipients, next(iter(found.recipients.windows)))
        sizes = (f"{size:,}: {each:.1f}" for size, each in found.recipient_bytes.items())
        table.caption = f"store bytes a counted recipient: {', '.join(sizes)}"
        yield table
    if found.durable.windows:
        yield _windows("durable promises, 64 connections", found.durable, who.ON)
    if found.queue.windows:
        yield _queue(found.queue)
    yield from _of_webhooks(found)
    if found.memory:
        yield _memory(found.memory)
    if found.judged is not None:
        yield _judged(found.judged)
    yield _musts(found)


def _of_webhooks(found: Found) -> Iterator[Table]:
    if found.webhooks:
        yield _webhooks(found.webhooks)
    if found.storm.windows:
        yield _storm(found.storm)


def markdown(found: Found) -> str:
    """The same tables for a document."""
    parts = []
    for table in tables(found):
        head = "| " + " | ".join(str(column.header) for column in table.columns) + " |"
        rule = "|" + "---|" * len(table.columns)
        rows = zip(*([str(cell) for cell in column.cells] for column in table.columns), strict=True)
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        caption = [f"\n{table.caption}"] if table.caption else []
        parts.append("\n".join([f"### {table.title}", "", head, rule, *lines, *caption]))
    return "\n\n".join(parts) + "\n"


def _told(setting: Setting) -> str:
    upstream = f", upstream {setting.upstream_ms} ms" if setting.upstream_ms else ""
    rate = f", {setting.rate:,.0f} a second" if setting.rate else ""
    return f"{setting.connections} connection{'s' if setting.connections > 1 else ''}{upstream}{rate}"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title)
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left", no_wrap=True)
    return table


def _windows(title: str, rounds: Rounds[Window], to: str) -> Table:
    """Medians; the speed is that of CPU and of sends/s against one of them, round by round, with its quartiles."""
    table = _table(title, "", *(name for name, _, _ in _FIGURES), "CPU, speed [quartiles]", "sends/s", "loop ms")
    for name in rounds.windows:
        if not rounds.has(name):
            table.add_row(name, "void")
            continue
        figures = [format(rounds.of(name, figure).median, form) for _, form, figure in _FIGURES]
        ratios = ["", ""]
        if rounds.has(to):
            ratios[0] = _spread(rounds.ratio(to, name, lambda window: window.gateway_us))
            ratios[1] = f"{rounds.ratio(name, to, lambda window: window.per_second).median:.2f}x"
        table.add_row(name, *figures, *ratios, f"{rounds.of(name, lambda window: window.spin_ms).median:.1f}")
    return table


def _spread(spread: Spread) -> str:
    return f"{spread.median:.2f}x [{spread.low:.2f}-{spread.high:.2f}]"


def _queue(rounds: Rounds[Queued]) -> Table:
    table = _table("sends that wait, 64 connections", "", "messages/s", "gateway us", "store us")
    for name in (name for name in rounds.windows if rounds.has(name)):
        for told, rate, gateway, store in _QUEUED:
            figures = (rounds.of(name, rate).median, rounds.of(name, gateway).median, rounds.of(name, store).median)
            table.add_row(told, f"{figures[0]:,.0f}", f"{figures[1]:.1f}", f"{figures[2]:.1f}")
        rouse = rounds.of(name, lambda queued: queued.rouse_ms).median
        table.caption = f"the first leaves the queue {rouse:.0f} ms after the pause is ended"
    return table


_Rate = Callable[[Queued], float]
_QUEUED: Final[Sequence[tuple[str, _Rate, _Rate, _Rate]]] = (
    ("sent at once", lambda q: q.direct.per_second, lambda q: q.direct.gateway_us, lambda q: q.direct.store_us),
    ("queued", lambda q: q.enqueued_per_second, lambda q: q.enqueue_gateway_us, lambda q: q.enqueue_store_us),
    ("drained", lambda q: q.drained_per_second, lambda q: q.drain_gateway_us, lambda q: q.drain_store_us),
)


def _webhooks(found: dict[Delivered, Rounds[Intake]]) -> Table:
    columns = (
        "statuses/s",
        "gateway us",
        "store us",
        "ack p50 ms",
        "ack p99 ms",
        "against sends/s",
        "against sends' CPU",
    )
    table = _table("webhooks: signed statuses", "", *columns)
    figures: Sequence[tuple[str, Callable[[Intake], float]]] = (
        (",.0f", lambda intake: intake.per_second),
        (".1f", lambda intake: intake.gateway_us),
        (".1f", lambda intake: intake.store_us),
        (".1f", lambda intake: intake.p50_ms),
        (".1f", lambda intake: intake.p99_ms),
        (".2f", lambda intake: intake.per_second / intake.sends.per_second),
        (".2f", lambda intake: intake.sends.gateway_us / intake.gateway_us),
    )
    for delivered, rounds in found.items():
        told = f"{delivered.at_once} a delivery, {delivered.connections} connections"
        for name in (name for name in rounds.windows if rounds.has(name)):
            table.add_row(told, *(format(rounds.of(name, figure).median, form) for form, figure in figures))
    return table


def _storm(rounds: Rounds[Storm]) -> Table:
    table = _table("webhooks: a storm, 512 new connections at once, beside sends", "", "a second", "p50 ms", "p99 ms")
    of = rounds.of
    for name in (name for name in rounds.windows if rounds.has(name)):
        rows: Sequence[tuple[str, Callable[[Storm], float], Callable[[Storm], float], Callable[[Storm], float]]] = (
            ("acks of one status each", lambda s: s.per_second, lambda s: s.p50_ms, lambda s: s.p99_ms),
            ("sends before", lambda s: s.sends_per_second, lambda s: s.calm_p50_ms, lambda s: s.calm_p99_ms),
            ("sends in it", lambda s: s.sends_per_second, lambda s: s.sends_p50_ms, lambda s: s.sends_p99_ms),
        )
        for told, rate, half, most in rows:
            figures = (f"{of(name, rate).median:,.0f}", f"{of(name, half).median:.1f}", f"{of(name, most).median:.1f}")
            table.add_row(told, *figures)
    return table


def _memory(found: Sequence[Memory]) -> Table:
    table = _table("memory", "", "MiB at first", "MiB after", "sends", "bytes a send, node", "bytes a send, store")
    for one in found:
        figures = (f"{one.idle_mib:.0f}", f"{one.after_mib:.0f}", f"{one.sends:,}")
        table.add_row(one.name, *figures, f"{one.node_bytes:.0f}", f"{one.store_bytes:.0f}")
    return table


def _judged(judged: Judged) -> Table:
    table = _table(f"before the simulated platform, at a limit of {judged.limit:,}", "", "messages")
    for verdict, count in sorted(judged.told.items()):
        table.add_row(f"told: {verdict}", f"{count:,}")
    table.add_row("accepted by the platform", f"{judged.accepted:,}")
    for code, count in judged.refused.items():
        table.add_row(f"refused by the platform: {code}", f"{count:,}")
    table.add_row("violations", str(judged.broken))
    return table


def _musts(found: Found) -> Table:
    table = _table("what must hold", "measure", "must", "goal", "measured", "ok")
    for must in MUSTS:
        measured = must.read(found)
        if measured is None:
            table.add_row(must.measure, must.told(must.must), must.told(must.goal), "not measured", "")
            continue
        ok = "goal" if must.holds(measured, must.goal) else "yes" if must.holds(measured, must.must) else "NO"
        table.add_row(must.measure, must.told(must.must), must.told(must.goal), measured.text, ok)
    return table
