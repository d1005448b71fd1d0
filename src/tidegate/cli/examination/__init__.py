"""What `tidegate doctor` looks at, one module a subject; each gives findings, and a remedy for every bad one."""

from __future__ import annotations

from tidegate.cli.examination.alerts import examine_alerts
from tidegate.cli.examination.callers import examine_callers
from tidegate.cli.examination.door import examine_door
from tidegate.cli.examination.finding import Finding, Level
from tidegate.cli.examination.machine import examine_machine
from tidegate.cli.examination.meta import examine_meta
from tidegate.cli.examination.store import examine_store
from tidegate.settings import Settings

__all__ = ["Finding", "Level", "examine"]


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything; what can't be reached is a finding as well, never an exception."""
    return [
        *examine_machine(settings),
        *await examine_store(settings),
        *await examine_meta(settings),
        *await examine_door(settings),
        *examine_callers(settings),
        examine_alerts(settings),
    ]
