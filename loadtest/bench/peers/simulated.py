"""The simulated Cloud API with the bench's accounts: slow beside `cloud_api`, and it judges every send.

`python -m loadtest.bench.peers.simulated PORT`.
"""

from __future__ import annotations

import sys
from typing import Final

import uvloop

from loadtest.bench.peers.cloud_api import TEMPLATE
from loadtest.bench.speed.configs import APP_SECRET, Estate
from tidegate.simulator.config import NumberConfig, PortfolioConfig, SimulatorConfig, TemplateConfig, WabaConfig
from tidegate.simulator.server import run_simulator

#: Far fewer than are asked for.
LIMIT: Final = 2_000
ESTATE: Final = Estate()


def platform() -> SimulatorConfig:
    """One portfolio with the bench's numbers, and a limit that is soon full."""
    numbers = tuple(NumberConfig(number, ESTATE.display_number(number), throughput=1_000) for number in ESTATE.numbers)
    waba = WabaConfig(ESTATE.waba(0), "EAAG-bench", numbers, (TemplateConfig(TEMPLATE, "UTILITY"),))
    return SimulatorConfig(
        portfolios=(PortfolioConfig(ESTATE.portfolio(0), (waba,), messaging_limit=LIMIT),), app_secret=APP_SECRET
    )


async def serve(port: int) -> None:
    """Imitate until ended."""
    simulator = await run_simulator(f"127.0.0.1:{port}", config=platform())
    await simulator.wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
