"""The demo from its curtain to its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, Final, TextIO

import aiohttp
from rich.console import Console
from rich.live import Live

from tidegate.clock import StoreClock
from tidegate.demo import estate
from tidegate.demo.stage import Stage, running
from tidegate.demo.traffic import Traffic
from tidegate.demo.view import Picture, look
from tidegate.tasks import spawn

_LIVE_EVERY_S: Final = 0.5
_LINE_EVERY_S: Final = 2.0


async def play(
    port: int | None,
    seed: int,
    lasting_ms: int | None,
    stopping: asyncio.Event,
    *,
    live: bool,
    out: TextIO,
    scenario: str = estate.USUAL_SCENARIO,
) -> None:
    """Run the demo until `stopping` is set, or for `lasting_ms`. `live`: a view that redraws itself, else lines.

    Raises OSError when `port` is taken, StoreUnavailable when the store does not start.
    """
    async with running(port, seed, scenario) as stage, _session() as session:
        print(invitation(stage), file=out, flush=True)
        traffic = Traffic(stage, session, seed)
        sending = spawn(traffic.run(), "demo traffic")
        showing = spawn(_show(stage, session, traffic, live=live, out=out), "demo view")
        ended = spawn(stopping.wait(), "demo end")
        limit_s = None if lasting_ms is None else lasting_ms / 1000
        try:
            await asyncio.wait([sending, showing, ended], timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (showing, sending, ended):
                await _end(task)
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            print((await look(stage.gateway, session)).line(), file=out, flush=True)
    print("The demo has ended; nothing of it is left.", file=out, flush=True)


def invitation(stage: Stage) -> str:
    """What is running where, and commands that work as they stand."""
    template = {"name": estate.ORDER, "language": {"code": "en_US"}}
    message = {"messaging_product": "whatsapp", "to": "15556001234", "type": "template", "template": template}
    key = f"-H 'Authorization: Bearer {estate.APP_KEY}'"
    as_json = "-H 'Content-Type: application/json'"
    raised = json.dumps({"portfolio": estate.PORTFOLIO, "limit": "TIER_2K"})
    return "\n".join(
        [
            f"gateway    {stage.gateway}   (give it to your client in place of https://graph.facebook.com)",
            f"simulator  {stage.simulator.url}   (Meta's side: a portfolio with a limit of {estate.LIMIT} recipients)",
            f"dashboard  {stage.gateway}/dashboard   (sign in with the key {estate.APP_KEY})",
            "",
            "Send a template:",
            f"  curl {stage.gateway}/v25.0/{estate.NUMBER}/messages {key} \\",
            f"    {as_json} -d '{json.dumps(message)}'",
            "How many recipients can still be reached:",
            f"  curl {stage.gateway}/gateway/v1/portfolios/{estate.PORTFOLIO}/capacity {key}",
            "Have Meta raise the limit, and see the queue go:",
            f"  curl {stage.simulator.url}/_sim/limit {as_json} -d '{raised}'",
            "",
        ]
    )


@contextlib.asynccontextmanager
async def _session() -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {estate.APP_KEY}"}
    async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield session


async def _show(stage: Stage, session: aiohttp.ClientSession, traffic: Traffic, *, live: bool, out: TextIO) -> None:
    if not live:
        began_ms = StoreClock().monotonic_ms()
        async for picture in _pictures(stage, session, _LINE_EVERY_S):
            spent_s = (StoreClock().monotonic_ms() - began_ms) / 1000
            print(f"{spent_s:6.1f}s  {picture.line()}", file=out, flush=True)
        return
    with Live(console=Console(file=out), refresh_per_second=4, transient=True) as screen:
        async for picture in _pictures(stage, session, _LIVE_EVERY_S):
            screen.update(picture.render(traffic.answers))


async def _pictures(stage: Stage, session: aiohttp.ClientSession, every_s: float) -> AsyncIterator[Picture]:
    while True:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            yield await look(stage.gateway, session)
        await asyncio.sleep(every_s)


async def _end(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
