"""What all else stands on: the store's connection, the journals, the time, names, secrets, and the way to Meta."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tidegate import __version__
from tidegate.clock import StoreClock
from tidegate.gateway import Route
from tidegate.ids import MessageIds
from tidegate.journal import Journal, open_slot, open_slots_of_the_dead
from tidegate.metrics import Metrics
from tidegate.policy.identity import Identity
from tidegate.settings import Settings
from tidegate.settings.credentials import Credentials
from tidegate.store.client import StoreConnection, connect
from tidegate.store.data_keys import DataKeys
from tidegate.store.scripts import StoreClient, require_replicas, time_scripts
from tidegate.store.sealing import Seal
from tidegate.store.witness import Witness
from tidegate.tracing import Tracing, open_tracing
from tidegate.upstream import Upstream


@dataclass(frozen=True, slots=True)
class Ground:
    """It. `journals`: this node's own first, then those that nodes which have ended here left behind."""

    settings: Settings
    witness: Witness
    connection: StoreConnection
    journals: list[Journal]
    portfolios: list[str]
    routes: list[Route]
    clock: StoreClock
    metrics: Metrics
    ids: MessageIds
    tracing: Tracing
    identity: Identity
    data_keys: DataKeys
    seal: Seal
    credentials: Credentials
    upstream: Upstream

    @property
    def client(self) -> StoreClient:
        """The client of the store."""
        return self.connection.client

    @property
    def journal(self) -> Journal:
        """This node's own."""
        return self.journals[0]

    @property
    def waba_of_number(self) -> dict[str, str]:
        """The account of each number."""
        return {route.number: route.waba for route in self.routes}


async def lay_ground(settings: Settings, store_url: str | None) -> Ground:
    """Connect to the store, and make what needs nothing but that and the settings. Raises StoreUnavailable."""
    witness = Witness()
    connection = await connect(store_url or settings.store.url.get_secret_value(), witness=witness)
    require_replicas(connection.client, settings.store.replicas_ack)
    portfolios = [portfolio.id for portfolio in settings.portfolios]
    clock, metrics = StoreClock(), Metrics()
    time_scripts(connection.client, metrics)
    identity_key = settings.privacy.identity_key.get_secret_value()
    data_keys = _data_keys(connection.client, settings, clock)
    credentials = Credentials(settings)
    return Ground(
        settings=settings,
        witness=witness,
        connection=connection,
        journals=_journals(settings.journal.directory),
        portfolios=portfolios,
        routes=[Route(p.id, w.id, n.id) for p, w, n in settings.numbers],
        clock=clock,
        metrics=metrics,
        ids=MessageIds(portfolios),
        tracing=open_tracing(settings.tracing.endpoint, __version__),
        identity=Identity(identity_key),
        data_keys=data_keys,
        seal=Seal(identity_key, data_keys),
        credentials=credentials,
        upstream=Upstream(settings.upstream.base_url, settings.upstream.timeout_ms / 1000, credentials.of_numbers),
    )


def _journals(directory: Path | None) -> list[Journal]:
    if directory is None:
        return [Journal()]
    return [Journal(open_slot(directory)), *map(Journal, open_slots_of_the_dead(directory))]


def _data_keys(client: StoreClient, settings: Settings, clock: StoreClock) -> DataKeys:
    privacy = settings.privacy
    previous = [key.get_secret_value() for key in privacy.previous_keys]
    return DataKeys(client, privacy.payload_key.get_secret_value(), previous, clock.now_ms)
