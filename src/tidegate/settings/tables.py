"""The settings' tables, one class each, as `tidegate.example.toml` shows them.

An attribute whose name ends in `_ms` is written in the file without that ending, as a duration.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StrictBool, StrictInt
from yarl import URL

from tidegate.policy.grant import Grant
from tidegate.policy.rules import Rules
from tidegate.settings import fields


class Scope(StrEnum):
    """What an app may do."""

    #: Send, and see what became of it.
    SEND = "send"
    #: Read the control plane.
    READ = "read"
    #: Change what the control plane changes: pauses, consent, campaigns, rules.
    ADMIN = "admin"
    #: Stop sends by hand, and no more: what was stopped, ADMIN opens again.
    ONCALL = "oncall"


class Table(BaseModel):
    """A table of the file: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Server(Table):
    """`[server]`: where this node listens."""

    listen: fields.Listen = "127.0.0.1:8080"
    #: Where the control plane listens instead of there; None: on the same port.
    control_listen: fields.Listen | None = None
    workers: fields.AtLeastOne = 1
    #: A key that names another environment is refused; None: it is not looked at.
    environment: fields.Environment | None = None
    #: Header in which a trusted proxy names its peer; None: the peer is who connects.
    peer_header: fields.HeaderName | None = None
    #: What callers reach it by, where that is not what their Host header says.
    public_url: fields.BaseUrl | None = None
    #: Taken off the paths that begin with it; others are read as they are.
    path_prefix: fields.PathPrefix | None = None
    #: After this a streamed body that does not move, in either direction, is given up.
    stall_timeout_ms: fields.Wait = Field(default=30_000, alias="stall_timeout")
    #: How long the head of a request, and a TLS handshake, may take.
    header_timeout_ms: fields.Wait = Field(default=15_000, alias="header_timeout")
    #: Of each process: connections, and requests of Graph's face that are being answered.
    max_connections: fields.AtLeastOne = 4096
    max_in_flight: fields.AtLeastOne = 2048
    #: PEM files; both or none. Read again on SIGHUP.
    tls_certificate: Path | None = None
    tls_key: Path | None = None

    @property
    def host(self) -> str:
        """Host part of `listen`, without the brackets of an IPv6 address."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """Port part of `listen`; 0 lets the system choose."""
        return int(self.listen.rpartition(":")[2])

    @property
    def control(self) -> "Server | None":
        """The same for the control plane's own port; None where it has none."""
        if self.control_listen is None:
            return None
        return self.model_copy(update={"listen": self.control_listen, "control_listen": None})


class Store(Table):
    """`[store]`: the one Valkey/Redis of all nodes. Its URL may carry a password, so it is a secret."""

    url: fields.StoreUrl = SecretStr("embedded:./data")
    replicas_ack: StrictInt = Field(default=0, ge=0)
    #: "refuse": no node starts on a store that forgets what it acknowledged when it is started again.
    undurable: Literal["refuse", "allow"] = "refuse"

    @property
    def embedded_directory(self) -> str | None:
        """Directory of the node's own server; None when the store is somebody else's."""
        scheme, _, rest = self.url.get_secret_value().partition(":")
        return rest if scheme == "embedded" else None


class Journal(Table):
    """`[journal]`: where this node keeps what it wrote into the store, for the day on which the store has lost it."""

    #: Omitted: it is remembered as long as the process lives.
    directory: Path | None = None


class Upstream(Table):
    """`[upstream]`: the Graph API, or its simulation. `base_url` ends without a slash."""

    base_url: fields.BaseUrl = "https://graph.facebook.com"
    #: Where media files may lie; Meta's token is shown to these and to the host of `base_url`, and to no other.
    media_origins: tuple[fields.Origin, ...] = ("https://lookaside.fbsbx.com",)
    timeout_ms: fields.Wait = Field(default=10_000, alias="timeout")

    @property
    def file_origins(self) -> tuple[str, ...]:
        """Where an address of a file may lead: Meta's own host for Graph keeps none, one that stands in for it may."""
        base_url = URL(self.base_url)
        is_metas = f".{base_url.host}".endswith(".facebook.com")
        return self.media_origins if is_metas else (*self.media_origins, str(base_url.origin()))


class Webhook(Table):
    """`[webhook]`: how Meta proves that it is Meta. Any of `app_secrets` may sign."""

    verify_token: fields.Token
    app_secrets: fields.Secrets


class Privacy(Table):
    """`[privacy]`: the key of the hash that stands for a recipient, and the key of queued bodies at rest."""

    identity_key: fields.Key
    payload_key: fields.Key
    #: Payload keys before that one: what they have wrapped is read, and wrapped anew.
    previous_keys: tuple[fields.Key, ...] = ()
    #: For how long an entry of the audit is kept.
    audit_kept_ms: fields.Wait = Field(default=400 * 86_400_000, alias="audit_kept")


class Number(Table):
    """`[[portfolio.waba.number]]`: a business phone number; `id` is Meta's phone_number_id."""

    id: fields.GraphId
    display_phone_number: fields.DisplayNumber | None = Field(default=None, repr=False)
    #: Messages per second until Meta says otherwise.
    throughput: fields.AtLeastOne = 80


class Waba(Table):
    """`[[portfolio.waba]]`: a WhatsApp Business Account and the token that acts for it."""

    id: fields.GraphId
    access_token: fields.Token
    numbers: tuple[Number, ...] = Field(alias="number", min_length=1)


class Portfolio(Table):
    """`[[portfolio]]`: the owner of one messaging limit, shared by all its numbers."""

    id: fields.Name
    #: Unique recipients in a moving 24 h until Meta says otherwise; `vocabulary.UNLIMITED` for no limit.
    messaging_limit: fields.Limit = Field(default=250)
    wabas: tuple[Waba, ...] = Field(alias="waba", min_length=1)


class App(Table):
    """`[[app]]`: a caller. `numbers` is None when it may use all of them."""

    name: fields.Name
    key_sha256: fields.KeyHashes
    scopes: tuple[Scope, ...] = (Scope.SEND, Scope.READ)
    numbers: tuple[fields.GraphId, ...] | None = None
    #: What it may send; None: all. `service` stands for free-form messages.
    categories: tuple[Literal["authentication", "utility", "marketing", "service"], ...] | None = None
    #: Patterns of names of templates: `order_*`.
    templates: tuple[fields.TemplatePattern, ...] | None = None
    throughput_share: fields.Share | None = None
    #: Of the places of the messaging limit less headroom: most that its sends may take.
    limit_share: fields.Share | None = None
    #: A key of it that is none of ours is Meta's own access token: what passes through goes on with it, untouched.
    own_token: StrictBool = False
    #: Of each process: requests of Graph's face that are being answered.
    max_in_flight: fields.AtLeastOne = 1024
    webhook_url: fields.HttpUrl | None = None
    webhook_secret: fields.Secret | None = None

    @property
    def grant(self) -> Grant | None:
        """What it may send by way of its numbers; None: all."""
        bounds = (self.categories, self.templates, self.throughput_share, self.limit_share)
        if all(bound is None for bound in bounds):
            return None
        categories = None if self.categories is None else frozenset(self.categories)
        return Grant(self.name, categories, self.templates, self.throughput_share, self.limit_share)

    def may_use(self, number_id: str) -> bool:
        """Whether this app may send from, and read about, the number of this phone_number_id."""
        return self.numbers is None or number_id in self.numbers


class Relay(Table):
    """`[relay]`: how webhooks are handed to the apps."""

    #: Of one POST to an app.
    timeout_ms: fields.Wait = Field(default=10_000, alias="timeout")
    #: Webhooks that are kept for one app, dead letters among them: these make room first, then what comes is left out.
    most_waiting: fields.AtLeastOne = 1_000_000
    #: Bytes that they take in the store.
    most_bytes: fields.WebhookRoom = 1_000_000_000
    #: Addresses that are not public, and http: for tests, and for apps in the same network.
    allow_private: StrictBool = False


class Alerts(Table):
    """`[alerts]`: whom the gateway tells of each tightening and opening; delivered as `[relay]` says."""

    webhook_url: fields.HttpUrl | None = None
    webhook_secret: fields.Secret | None = None


class Poll(Table):
    """`[poll]`: how often quality, limit and template state are read."""

    interval_ms: fields.Wait = Field(default=300_000, alias="interval")


class Tracing(Table):
    """`[tracing]`: where traces go."""

    #: A collector that takes OTLP over HTTP; None: no traces are made.
    endpoint: fields.HttpUrl | None = None


class Testing(Table):
    """`[testing]`: switches that have no place in production."""

    clock: StrictBool = False


class Settings(Table):
    """The whole file. `str` and `repr` show no secret."""

    server: Server = Server()
    store: Store = Store()
    journal: Journal = Journal()
    upstream: Upstream = Upstream()
    webhook: Webhook
    privacy: Privacy
    portfolios: tuple[Portfolio, ...] = Field(alias="portfolio", min_length=1)
    apps: tuple[App, ...] = Field(default=(), alias="app")
    rules: Rules = Rules()
    relay: Relay = Relay()
    alerts: Alerts = Alerts()
    poll: Poll = Poll()
    tracing: Tracing = Tracing()
    testing: Testing = Testing()

    @property
    def wabas(self) -> Iterator[tuple[Portfolio, Waba]]:
        """Every WhatsApp Business Account with its portfolio, in the file's order."""
        return ((portfolio, waba) for portfolio in self.portfolios for waba in portfolio.wabas)

    @property
    def numbers(self) -> Iterator[tuple[Portfolio, Waba, Number]]:
        """Every number with its account and portfolio, in the file's order."""
        return ((portfolio, waba, number) for portfolio, waba in self.wabas for number in waba.numbers)

    @cached_property
    def _by_number(self) -> Mapping[str, tuple[Portfolio, Waba, Number]]:
        return {number.id: (portfolio, waba, number) for portfolio, waba, number in self.numbers}

    def number(self, number_id: str) -> Number | None:
        """The number of this phone_number_id; None when it is not ours."""
        owned = self._by_number.get(number_id)
        return owned and owned[2]

    def waba_of(self, number_id: str) -> Waba | None:
        """The account that holds this number; None when it is not ours."""
        owned = self._by_number.get(number_id)
        return owned and owned[1]

    def portfolio_of(self, number_id: str) -> Portfolio | None:
        """The portfolio whose limit this number uses; None when it is not ours."""
        owned = self._by_number.get(number_id)
        return owned and owned[0]
