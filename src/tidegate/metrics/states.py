"""Gauges of what is so at this moment: told as a whole at each look, so that what is over leaves no series behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


class Family(NamedTuple):
    """One gauge: its name, its labels, and what it tells."""

    name: str
    labels: tuple[str, ...]
    help: str


Samples = Mapping[tuple[str, ...], float]
"""Values by the labels' values, in the order of the family's labels."""

PLACES_USED: Final = Family("tidegate_places_used", ("portfolio",), "Places held.")
LIMIT: Final = Family("tidegate_messaging_limit", ("portfolio",), "Messaging limit; -1 is unlimited.")
PLACES: Final = Family(
    "tidegate_places", ("portfolio", "category"), "Places up to which a category may fill the limit; none if unlimited."
)
AVAILABLE: Final = Family(
    "tidegate_places_available", ("portfolio", "category"), "Places that a category may still take; none if unlimited."
)
RESERVED: Final = Family(
    "tidegate_places_reserved", ("portfolio", "category"), "Places that are kept for a category; none if unlimited."
)
QUEUED: Final = Family("tidegate_queue_messages", ("portfolio", "category"), "Messages queued.")
OLDEST: Final = Family(
    "tidegate_queue_oldest_seconds",
    ("portfolio", "category"),
    "For how long the first in line has waited; what is scheduled for later waits for nothing.",
)
UNKNOWN: Final = Family(
    "tidegate_unknown_outcomes", ("portfolio",), "Messages of unknown outcome that are not unresolved yet."
)
BREAKERS: Final = Family(
    "tidegate_breakers", ("portfolio", "rule", "scope", "state"), "Breakers that are not closed, but those of users."
)
PAUSES: Final = Family("tidegate_pauses", ("portfolio", "scope"), "Pauses by hand that are in force.")
CAMPAIGNS: Final = Family("tidegate_campaigns", ("portfolio", "state"), "Campaigns that were started and are not over.")
NUMBERS: Final = Family(
    "tidegate_numbers", ("portfolio", "status", "quality"), "Business numbers, by what Meta says of them now."
)
STORE_UP: Final = Family("tidegate_store_up", (), "1 when the store answered the last look.")
STORE_WRITABLE: Final = Family("tidegate_store_writable", (), "1 while the store takes writes.")
STORE_DURABLE: Final = Family("tidegate_store_durable", (), "1 while the store keeps an append-only file and syncs it.")
STORE_KEEPS: Final = Family("tidegate_store_noeviction", (), "1 while a full store forgets nothing.")
STORE_REPLICAS: Final = Family("tidegate_store_replicas", (), "Replicas that are connected to the store.")
WEBHOOK_AGE: Final = Family("tidegate_webhook_age_seconds", (), "Time since Meta's last webhook to this node.")
POLL_AGE: Final = Family(
    "tidegate_poll_age_seconds",
    ("portfolio",),
    "Time since all of an account was last read from Graph: the longest, of the accounts that this node reads.",
)
POLL_INTERVAL: Final = Family("tidegate_poll_interval_seconds", (), "How far apart readings of an account are to be.")
DISPATCHER_AGE: Final = Family(
    "tidegate_dispatcher_age_seconds", ("portfolio",), "Time since this node last looked through the queue."
)
AUDIT_BROKEN: Final = Family(
    "tidegate_audit_broken", ("portfolio",), "1 once entries of the audit that this node had seen are gone or changed."
)
JOURNAL: Final = Family("tidegate_journal_durable", (), "1 where the journal outlives the process.")
DRAINING: Final = Family("tidegate_draining", (), "1 while the node finishes what it has, and takes no more.")
BUILD: Final = Family("tidegate_build_info", ("version",), "1, with the version that runs.")
RELAY_WAITING: Final = Family("tidegate_relay_waiting", ("app",), "Webhooks that wait to be delivered.")
RELAY_OLDEST: Final = Family("tidegate_relay_oldest_seconds", ("app",), "Age of the webhook that waits longest.")
RELAY_DEAD: Final = Family("tidegate_relay_dead", ("app",), "Dead letters.")
RELAY_BYTES: Final = Family(
    "tidegate_relay_bytes", ("app",), "What webhooks take in the store, dead letters among them."
)

FAMILIES: Final = tuple(value for value in globals().values() if isinstance(value, Family))


class States(Collector):
    """What was told last of each family."""

    def __init__(self) -> None:
        self._told: dict[Family, Samples] = {}

    def tell(self, told: Mapping[Family, Samples]) -> None:
        """Replace all samples of these families; the others stay as they were told."""
        self._told.update(told)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All families, also those of which nothing was told yet."""
        for family in FAMILIES:
            gauge = GaugeMetricFamily(family.name, family.help, labels=family.labels)
            for labels, value in self._told.get(family, {}).items():
                gauge.add_metric(labels, value)
            yield gauge
