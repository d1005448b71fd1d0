"""The configuration file, read anew while a node runs: rules, credentials, certificate; all else at a restart."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any, Final

import structlog

from tidegate.edge.door.tls import Tls
from tidegate.errors import BadConfiguration, StoreUnavailable
from tidegate.keys_in_force import KeysInForce
from tidegate.relay import Subscribers
from tidegate.rules_in_force import RulesInForce
from tidegate.settings import Settings, load
from tidegate.settings.credentials import Credentials

_RETRY_S: Final = 1.0

log = structlog.get_logger()


class Rereading:
    """Reads the file when asked to. A file with a fault changes nothing: every fault is told in the log."""

    def __init__(
        self,
        config: Path,
        settings: Settings,
        rules: RulesInForce,
        credentials: Credentials,
        keys: KeysInForce,
        subscribers: Subscribers,
        tls: Tls | None = None,
    ) -> None:
        """`settings`: what the node was started with; `tls`: its listener's, if it has any."""
        self._config = config
        self._settings = settings
        self._rules = rules
        self._credentials = credentials
        self._keys = keys
        self._subscribers = subscribers
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
            log.error(
                "configuration_refused",
                faults=[str(fault) for fault in refused.faults],
                rules="as they were",
                credentials="as they were",
            )
            return
        self._reread_certificate()
        waiting = _changed(self._settings, settings)
        if waiting:
            log.warning("restart_needed", changed=waiting)
        replaced = self._credentials.replace(settings) + self._keys.configure(settings.apps)
        replaced += self._subscribers.replace(settings)
        if replaced:
            log.info("credentials_replaced", replaced=replaced)
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
    """The sections of the file that say something else now, apart from what comes into force at once."""
    told = {name: field.alias or name for name, field in Settings.model_fields.items() if name != "rules"}
    then, now = _lasting(before), _lasting(after)
    return [alias for name, alias in told.items() if then[name] != now[name]]


def _lasting(settings: Settings) -> dict[str, Any]:
    """What holds from the start of a node to its end, as values."""
    values = settings.model_dump(exclude={"rules": True, "webhook": {"verify_token", "app_secrets"}})
    for portfolio in values["portfolios"]:
        for waba in portfolio["wabas"]:
            del waba["access_token"]
    # The very apps: another key, secret or address is no other app; one that gets webhooks or no more is.
    for app in values["apps"]:
        del app["key_sha256"], app["webhook_secret"]
        app["webhook_url"] = app["webhook_url"] is not None
    alerts = values["alerts"]
    del alerts["webhook_secret"]
    alerts["webhook_url"] = alerts["webhook_url"] is not None
    return values
