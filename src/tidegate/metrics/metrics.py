"""What is counted for Prometheus. Labels come from closed lists: no phone number, template or recipient is one."""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, generate_latest

from tidegate.cloudapi.events import Event
from tidegate.cloudapi.updates import Update
from tidegate.metrics.histograms import Histogram
from tidegate.metrics.states import States

if TYPE_CHECKING:
    from tidegate.cloudapi.vocabulary import Category
    from tidegate.policy.verdict import Reason

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_STORE_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5)
_LAG_SECONDS: Final = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 86_400.0)


class Metrics:
    """The counters of one node, in a registry of their own."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        self._sends = Counter(
            "tidegate_sends",
            "Answers to guarded sends.",
            ("verdict", "reason", "category"),
            registry=registry,
        )
        self._shadowed = Counter(
            "tidegate_shadow_objections",
            "Objections of guardrails in shadow mode.",
            ("reason",),
            registry=registry,
        )
        self._duplicates = Counter(
            "tidegate_duplicates",
            "Messages that came again within the span of the rule duplicates, by its mode.",
            ("mode",),
            registry=registry,
        )
        self._breakers = Counter(
            "tidegate_breaker_changes",
            "Breakers written, by rule and the state that they are in then.",
            ("rule", "state"),
            registry=registry,
        )
        self._alerts = Counter(
            "tidegate_alerts", "Signals that somebody should know of, by rule.", ("rule",), registry=registry
        )
        self._outcomes = Counter(
            "tidegate_upstream_outcomes", "How POSTs to Meta ended.", ("outcome",), registry=registry
        )
        self._upstream = Histogram(
            "tidegate_upstream_seconds", "Time from POST to answer.", _SECONDS, registry=registry
        ).of()
        #: Called with how long each POST to Meta took (s), however it ended.
        self.posted: Final[Callable[[float], None]] = self._upstream.observe
        self._codes = Counter(
            "tidegate_upstream_errors",
            "Graph error codes that Meta answered with.",
            ("code",),
            registry=registry,
        )
        self._events = Counter(
            "tidegate_webhook_events", "Webhook events applied, by kind.", ("kind",), registry=registry
        )
        self._not_applied = Counter(
            "tidegate_webhook_faults",
            "Webhook events that a fault of the gateway kept from being applied, by kind.",
            ("kind",),
            registry=registry,
        )
        self._webhooks = Counter(
            "tidegate_webhooks", "Webhook posts received, by answer.", ("status",), registry=registry
        )
        self._refused_keys = Counter(
            "tidegate_refused_keys", "Requests with a key that was not taken, by why.", ("why",), registry=registry
        )
        self._turned_away = Counter(
            "tidegate_turned_away",
            "Requests not looked at for there were too many: connections, node or app (in flight), bodies.",
            ("limit",),
            registry=registry,
        )
        self._under_way: list[Callable[[], int]] = []
        in_flight = Gauge("tidegate_in_flight", "Requests of Graph's face that are being answered.", registry=registry)
        in_flight.set_function(lambda: sum(count() for count in self._under_way))
        self._ended = Counter(
            "tidegate_queue_ended",
            "Queued or sent messages that ran out of time, by what they became.",
            ("became",),
            registry=registry,
        )
        self._unresolved = Counter(
            "tidegate_unresolved_messages",
            "Messages whose outcome was still unknown after 15 minutes.",
            registry=registry,
        )
        self._tried_again = Counter(
            "tidegate_tried_again_messages",
            "Messages of unknown outcome that were queued for one further try.",
            registry=registry,
        )
        self._held = Gauge(
            "tidegate_books_held",
            "1 while the books may miss what was sent, so that nothing goes that has to be counted.",
            ("portfolio",),
            registry=registry,
        )
        self._offline = Counter(
            "tidegate_offline_sends",
            "Sends admitted while the store was away.",
            ("category",),
            registry=registry,
        )
        self._prepaid = Gauge(
            "tidegate_prepaid_places",
            "Places that this node has leased in advance, for a time without the store.",
            ("portfolio",),
            registry=registry,
        )
        self._relayed = Counter(
            "tidegate_relay_webhooks",
            "Webhooks for apps, by what became of them.",
            ("app", "outcome"),
            registry=registry,
        )
        self._relay_seconds = Histogram(
            "tidegate_relay_seconds", "Time that a POST to an app took.", _SECONDS, registry=registry
        ).of()
        self._store = Histogram(
            "tidegate_store_seconds",
            "Time from asking the store to run a script to its answer; what is asked at one moment shares a call.",
            _STORE_SECONDS,
            ("script",),
            registry=registry,
        )
        self._store_failures = Counter(
            "tidegate_store_failures", "Scripts that the store did not answer.", ("script",), registry=registry
        )
        self._webhook_lag = Histogram(
            "tidegate_webhook_lag_seconds",
            "Time from what a webhook tells of, by Meta's clock, until it was applied.",
            _LAG_SECONDS,
            registry=registry,
        ).of()
        self._loop_lag = Histogram(
            "tidegate_loop_lag_seconds",
            "How late the event loop comes to what is due, looked at once a second.",
            _SECONDS,
            registry=registry,
        ).of()
        self._begin_at_nothing()
        #: What is so at this moment, as it was last looked at.
        self.states: Final = States()
        registry.register(self.states)
        ProcessCollector(registry=registry)

    def _begin_at_nothing(self) -> None:
        """Have a series of what has not happened yet: the first time is no growth of one that was not there before."""
        #: Guarded sends that were answered, by verdict, reason and category (None: free-form); whoever answers one
        #: counts it here. The library takes longer to find a series than to count: it is told when somebody looks.
        self.sends: Counts[tuple[str, Reason | None, Category | None]] = Counts()
        #: Of all that was posted, what was not answered; and how much was posted when somebody looked last.
        self._unwritten_outcomes: Counts[str] = Counts()
        self._written_posts = 0
        for outcome in ("answered", "unknown", "not_sent"):
            self._outcomes.labels(outcome)
        self._unwritten_webhooks: Counts[int] = Counts()
        for became in ("expired", "unknown", "requeued"):
            self._ended.labels(became)
        for limit in ("connections", "node", "app", "bodies", "uploads"):
            self._turned_away.labels(limit)
        for kind in (*get_args(Event), Update):
            self._not_applied.labels(kind.__name__)

    def expect_app(self, app: str) -> None:
        """Webhooks are relayed to this app."""
        for outcome in ("delivered", "failed", "dead", "dropped", "left_out"):
            self._relayed.labels(app, outcome)

    def relayed(self, app: str, outcome: str, count: int = 1) -> None:
        """Webhooks for an app were delivered, failed, given up (dead); for want of room: dropped (dead), left out."""
        self._relayed.labels(app, outcome).inc(count)

    def relay_took(self, spent_ms: float) -> None:
        """One POST to an app ended."""
        self._relay_seconds.observe(spent_ms / 1000)

    def shadowed(self, reasons: Iterable[Reason]) -> None:
        """Guardrails in shadow mode would have objected."""
        for reason in reasons:
            self._shadowed.labels(reason.value).inc()

    def duplicate(self, mode: str) -> None:
        """The same message came again: answered as the first (enforce), or sent all the same (shadow)."""
        self._duplicates.labels(mode).inc()

    def breaker_changed(self, rule: str, state: str) -> None:
        """A breaker of this rule was written; it is in this state now."""
        self._breakers.labels(rule, state).inc()

    def alerted(self, rule: str) -> None:
        """A signal came that somebody should know of."""
        self._alerts.labels(rule).inc()

    def unanswered(self, outcome: str) -> None:
        """One of those that were `posted` was not answered: unknown or not_sent."""
        self._unwritten_outcomes[outcome] += 1

    def refused_by_meta(self, code: int) -> None:
        """Meta answered with this error code."""
        self._codes.labels(str(code)).inc()

    def applied(self, event: Any, count: int = 1) -> None:
        """So many webhook events of this kind were applied, which is named as its class."""
        self._events.labels(type(event).__name__).inc(count)

    def not_applied(self, event: Any) -> None:
        """A fault of ours kept a webhook event from being applied."""
        self._not_applied.labels(type(event).__name__).inc()

    def webhook(self, status: int) -> None:
        """One webhook post was answered with this HTTP status."""
        self._unwritten_webhooks[status] += 1

    def refused_key(self, why: str) -> None:
        """A key was not taken: unknown, of another environment, or one more of an address that is locked_out."""
        self._refused_keys.labels(why).inc()

    def in_flight(self, count: Callable[[], int]) -> None:
        """`count` tells, whenever it is asked, how many requests are under way somewhere."""
        self._under_way.append(count)

    def turned_away(self, limit: str) -> None:
        """A request was one too many for this limit: connections, node, app or bodies."""
        self._turned_away.labels(limit).inc()

    def ended(self, became: str) -> None:
        """A message ran out of time."""
        self._ended.labels(became).inc()

    def unresolved(self) -> None:
        """Nothing was heard of a message for so long that somebody should know."""
        self._unresolved.inc()

    def tried_again(self) -> None:
        """A message that nothing was heard of is tried once more."""
        self._tried_again.inc()

    def books_held(self, portfolio: str, held: bool) -> None:
        """Whether the books may miss what was sent."""
        self._held.labels(portfolio).set(held)

    def sent_offline(self, category: str) -> None:
        """A send was admitted while the store was away."""
        self._offline.labels(category).inc()

    def prepaid_places(self, portfolio: str, places: int) -> None:
        """Places that this node may fill on its own."""
        self._prepaid.labels(portfolio).set(places)

    def store_timer(self, script: str) -> Callable[[float], None]:
        """To be called with how long the store took (s), each time that it ran this script."""
        return self._store.of(script).observe

    def store_failed(self, script: str) -> None:
        """The store did not answer when it was asked to run a script."""
        self._store_failures.labels(script).inc()

    def webhook_lag(self, lag_s: float, count: int = 1) -> None:
        """So many things that webhooks told of were applied so long after they had happened."""
        self._webhook_lag.observe_many(lag_s, count)

    def loop_lag(self, lag_s: float) -> None:
        """The event loop came so late to what was due."""
        self._loop_lag.observe(lag_s)

    def _write(self) -> None:
        for (verdict, reason, category), count in self.sends.items():
            self._sends.labels(verdict, reason.value if reason else "", category or "service").inc(count)
        self.sends.clear()
        webhooks, self._unwritten_webhooks = self._unwritten_webhooks, Counts()
        for status, count in webhooks.items():
            self._webhooks.labels(str(status)).inc(count)
        posts, unanswered = self._upstream.count, self._unwritten_outcomes
        answered = posts - self._written_posts - unanswered.total()
        self._written_posts, self._unwritten_outcomes = posts, Counts()
        for outcome, count in (("answered", answered), *unanswered.items()):
            self._outcomes.labels(outcome).inc(count)

    def exposition(self) -> bytes:
        """All of it in Prometheus' text format."""
        self._write()
        return generate_latest(self._registry)
