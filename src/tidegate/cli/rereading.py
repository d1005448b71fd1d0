"""The configuration file, read anew while a node runs: its rules and the listener's certificate come into force,
everything else at a restart.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

import structlog

from tidegate.edge.tls import Tls
from tidegate.errors import BadConfiguration, StoreUnavailable
from tidegate.rules_in_force import RulesInForce
from tidegate.settings import Settings, load

_RETRY_S: Final = 1.0

log = structlog.get_logger()


class Rereading:
    """Reads the file when asked to. A file with a fault changes nothing: every fault is told in the log."""

    def __init__(self, config: Path, settings: Settings, rules: RulesInForce, tls: Tls | None = None) -> None:
        """`settings`: what the node was started with; `tls`: its listener's, if it has any."""
        self._config = config
        self._settings = settings
        self._rules = rules
        self._tls = tls
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Have the file read soon; asked several times before that, it is read once."""
        self._asked.set()

    async def run(self) -> None:
        """Read the file each time it is asked for, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self._reread()

    async def _reread(self) -> None:
        try:
            settings = load(self._config, os.environ)
        except BadConfiguration as refused:
            log.error("configuration_refused", faults=[str(fault) for fault in refused.faults], rules="as they were")
            return
        self._reread_certificate()
        waiting = _changed(self._settings, settings)
        if waiting:
            log.warning("restart_needed", changed=waiting)
        try:
            await self._rules.reread(settings.rules, "SIGHUP")
        except StoreUnavailable as fault:
            log.warning("rules_not_replaced_yet", fault=str(fault))
            self._asked.set()
            await asyncio.sleep(_RETRY_S)

    def _reread_certificate(self) -> None:
        if self._tls is None:
            return
        try:
            self._tls.reread()
        except OSError as fault:
            log.error("certificate_refused", fault=str(fault), certificate="as it was")


def _changed(before: Settings, after: Settings) -> list[str]:
    """The sections of the file, apart from the rules, that say something else now."""
    fields = Settings.model_fields.items()
    return [f.alias or name for name, f in fields if name != "rules" and getattr(before, name) != getattr(after, name)]
